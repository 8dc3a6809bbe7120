/* cortex_m4.c: starts exported_check.c on the bare Cortex-M4 that QEMU emulates, and ends QEMU with its status. */
#include <stddef.h>

int check_model(void);
void start(void);
void *memset(void *to, int value, size_t size);
void *memcpy(void *to, const void *from, size_t size);
extern unsigned stack_top[];

/* The processor reads these when it starts. */
__attribute__((section(".vectors"), used)) static const struct {
    unsigned *stack;
    void (*start)(void);
} vectors = {stack_top, start};

/* The compiler may call these two. */
void *memset(void *to, int value, size_t size)
{
    volatile unsigned char *bytes = to;
    while (size-- > 0)
        bytes[size] = (unsigned char)value;
    return to;
}

void *memcpy(void *to, const void *from, size_t size)
{
    volatile unsigned char *bytes = to;
    const unsigned char *source = from;
    while (size-- > 0)
        bytes[size] = source[size];
    return to;
}

static void semihosting(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void start(void)
{
    enum { EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026 };
    *(volatile unsigned *)0xe000ed88 |= 0xfu << 20; /* turns the floating-point unit on */
    __asm__ volatile("dsb\n\tisb");
    const unsigned status[] = {APPLICATION_EXIT, (unsigned)check_model()};
    semihosting(EXIT_EXTENDED, status);
    for (;;)
        continue;
}
