/* system_windows.c: the functions of system.h, and those of file.h that replace a file, for Windows. */
#include "base/system.h"

#ifdef _WIN32
#include "base/file.h"
#include "base/memory.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <errno.h>
#include <locale.h>
#include <malloc.h>
#include <process.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

enum {
    PATH_UNITS = 4096, /* maximum length of a path in units of UTF-16, with the zero at its end */
    NAMES_MOST = 100,  /* maximum number of names tried for a temporary file */
    AT_ONCE = 1 << 30, /* maximum bytes per system call */
};

/* The usual errors have the same English text as on other systems. Windows describes the others in its own language. */
const char *librnn_system_reason(void)
{
    static const struct {
        DWORD error;
        int same_as;
    } usual[] = {
        {ERROR_FILE_NOT_FOUND, ENOENT},
        {ERROR_PATH_NOT_FOUND, ENOENT},
        {ERROR_ACCESS_DENIED, EACCES},
        {ERROR_TOO_MANY_OPEN_FILES, EMFILE},
        {ERROR_DISK_FULL, ENOSPC},
        {ERROR_HANDLE_DISK_FULL, ENOSPC},
        {ERROR_FILENAME_EXCED_RANGE, ENAMETOOLONG},
    };
    static _Thread_local char text[256];
    DWORD error = GetLastError();
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        if (usual[i].error == error)
            return strerror(usual[i].same_as);

    wchar_t wide[256];
    DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, error, 0, wide,
                                  sizeof wide / sizeof wide[0], NULL);
    while (length > 0 && wcschr(L".\r\n ", wide[length - 1]))
        length--;
    int size = WideCharToMultiByte(CP_UTF8, 0, wide, (int)length, text, sizeof text - 1, NULL, NULL);
    text[size] = '\0';
    if (size == 0)
        snprintf(text, sizeof text, "Windows error %lu", error);
    return text;
}

void *librnn_system_allocate(size_t alignment, size_t size)
{
    return _aligned_malloc(size, alignment);
}

void librnn_system_release(void *memory)
{
    _aligned_free(memory);
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

/* Converts a path from UTF-8. Returns whether that worked. */
static bool widen(const char *path, wchar_t wide[PATH_UNITS])
{
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, PATH_UNITS) > 0)
        return true;
    if (GetLastError() == ERROR_INSUFFICIENT_BUFFER)
        SetLastError(ERROR_FILENAME_EXCED_RANGE);
    return false;
}

/*
 * Opens an existing file or directory. As on POSIX systems, other programs can read, write, replace and delete it while
 * it is open. Windows opens directories only with FILE_FLAG_BACKUP_SEMANTICS.
 */
static HANDLE open_old(const wchar_t *path, DWORD access)
{
    return CreateFileW(path, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
                       FILE_FLAG_BACKUP_SEMANTICS, NULL);
}

system_file librnn_system_open(const char *path)
{
    wchar_t wide[PATH_UNITS];
    return widen(path, wide) ? (system_file)open_old(wide, GENERIC_READ) : SYSTEM_NO_FILE;
}

system_file librnn_system_open_input(void)
{
    HANDLE copy, process = GetCurrentProcess();
    bool copied =
        DuplicateHandle(process, GetStdHandle(STD_INPUT_HANDLE), process, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS);
    return copied ? (system_file)copy : SYSTEM_NO_FILE;
}

void librnn_system_close(system_file file)
{
    CloseHandle((HANDLE)file);
}

bool librnn_system_describe(system_file file, system_about *about)
{
    enum { TICKS = 10000000 }; /* a second */
    BY_HANDLE_FILE_INFORMATION found;
    *about = (system_about){.kind = SYSTEM_STREAM};
    if (GetFileType((HANDLE)file) != FILE_TYPE_DISK)
        return true;
    if (!GetFileInformationByHandle((HANDLE)file, &found))
        return false;
    uint64_t time = (uint64_t)found.ftLastWriteTime.dwHighDateTime << 32 | found.ftLastWriteTime.dwLowDateTime;
    about->kind = found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY ? SYSTEM_DIRECTORY : SYSTEM_REGULAR;
    about->size = (int64_t)((uint64_t)found.nFileSizeHigh << 32 | found.nFileSizeLow);
    about->modified = (struct timespec){.tv_sec = (time_t)(time / TICKS), .tv_nsec = (long)(time % TICKS * 100)};
    return true;
}

int64_t librnn_system_skip(system_file file, int64_t size)
{
    LARGE_INTEGER at, none = {.QuadPart = 0}, end = {.QuadPart = size};
    bool known = SetFilePointerEx((HANDLE)file, none, &at, FILE_CURRENT);
    SetFilePointerEx((HANDLE)file, end, NULL, FILE_BEGIN);
    return known ? at.QuadPart : -1;
}

/*
 * Calls ReadFile(), and returns 0 at the end. ReadFile() reports two kinds of end as errors: that of a file if `at` is
 * given, and that of a pipe without a writer.
 */
static int64_t read_part(HANDLE file, void *bytes, size_t size, OVERLAPPED *at)
{
    DWORD done;
    if (ReadFile(file, bytes, (DWORD)(size < AT_ONCE ? size : AT_ONCE), &done, at))
        return done;
    DWORD error = GetLastError();
    return error == ERROR_HANDLE_EOF || error == ERROR_BROKEN_PIPE ? 0 : -1;
}

int64_t librnn_system_read_at(system_file file, int64_t offset, void *bytes, size_t size)
{
    OVERLAPPED at = {.Offset = (DWORD)((uint64_t)offset & UINT32_MAX), .OffsetHigh = (DWORD)((uint64_t)offset >> 32)};
    return read_part((HANDLE)file, bytes, size, &at);
}

/*
 * Windows can't wait for bytes in a pipe, so this checks the pipe every few milliseconds. It reads a terminal or a
 * device without such checks, which may take longer than `milliseconds`.
 */
int64_t librnn_system_read_next(system_file file, int milliseconds, void *bytes, size_t size)
{
    enum { BETWEEN = 10 }; /* milliseconds */
    bool pipe = GetFileType((HANDLE)file) == FILE_TYPE_PIPE;
    DWORD ready;
    for (int left = milliseconds; pipe && left >= 0; left -= BETWEEN) {
        if (!PeekNamedPipe((HANDLE)file, NULL, 0, NULL, &ready, NULL) || ready > 0)
            break; /* there is something to read, or the end, or an error that read_part() reports */
        if (left < BETWEEN)
            return SYSTEM_LATER;
        Sleep(BETWEEN);
    }
    return read_part((HANDLE)file, bytes, size, NULL);
}

/* ---- Replacing --------------------------------------------------------------------------------------------------- */

static rnn_status fail_to_write(const rnn_replacement *r)
{
    return librnn_fail(RNN_ERROR_IO, "%.*s can't be written: %s", PATH_SHOWN, r->path, librnn_system_reason());
}

/* Inspects the file to replace. Fails if it isn't a regular file, or is read-only. */
static rnn_status look_at_old(rnn_replacement *r, HANDLE old)
{
    const DWORD kept = FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM | FILE_ATTRIBUTE_NOT_CONTENT_INDEXED;
    BY_HANDLE_FILE_INFORMATION about;
    bool known = GetFileType(old) == FILE_TYPE_DISK && GetFileInformationByHandle(old, &about);
    if (!known || about.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY)
        return librnn_fail(RNN_ERROR_IO, "%.*s is %s", PATH_SHOWN, r->path,
                           known ? "a directory" : "not a regular file");
    if (about.dwFileAttributes & FILE_ATTRIBUTE_READONLY) {
        SetLastError(ERROR_ACCESS_DENIED);
        return fail_to_write(r);
    }
    r->attributes = about.dwFileAttributes & kept;
    DWORD size = 0;
    GetKernelObjectSecurity(old, DACL_SECURITY_INFORMATION, NULL, 0, &size);
    if (size == 0) /* a file system without access rights */
        return RNN_OK;
    RNN_TRY(librnn_allocate("a file's access rights", size, 1, &r->rights));
    if (!GetKernelObjectSecurity(old, DACL_SECURITY_INFORMATION, r->rights, size, &size))
        return fail_to_write(r);
    return RNN_OK;
}

/* Finds the file to replace, through symbolic links. It need not exist. */
static rnn_status find_target(rnn_replacement *r)
{
    wchar_t path[PATH_UNITS];
    if (!widen(r->path, path))
        return fail_to_write(r);
    HANDLE old = open_old(path, FILE_READ_ATTRIBUTES | READ_CONTROL);
    if (old == INVALID_HANDLE_VALUE && GetLastError() != ERROR_FILE_NOT_FOUND)
        return fail_to_write(r);
    if (old != INVALID_HANDLE_VALUE) {
        rnn_status status = look_at_old(r, old);
        DWORD length = GetFinalPathNameByHandleW(old, path, PATH_UNITS, FILE_NAME_NORMALIZED | VOLUME_NAME_DOS);
        CloseHandle(old);
        if (status != RNN_OK)
            return status;
        if (length == 0 || length >= PATH_UNITS) /* not every file system knows the final path */
            widen(r->path, path);
    }
    RNN_TRY(librnn_allocate("a file's name", wcslen(path) + 1, sizeof *path, (void **)&r->target));
    wcscpy(r->target, path);
    return RNN_OK;
}

/* Creates the new file in the directory of the target. Skips names that exist: a killed process may have left one. */
static rnn_status create_temporary(rnn_replacement *r)
{
    static atomic_uint counter;
    enum { NAME_SIZE = 32 };
    char name[NAME_SIZE];
    size_t directory = wcslen(r->target);
    while (directory > 0 && !wcschr(L"\\/:", r->target[directory - 1]))
        directory--;
    RNN_TRY(librnn_allocate("a file's name", directory + NAME_SIZE, sizeof(wchar_t), (void **)&r->temporary));
    wmemcpy(r->temporary, r->target, directory);
    for (int i = 0; i < NAMES_MOST; i++) {
        snprintf(name, sizeof name, ".librnn-%lx-%lx-%x", GetCurrentProcessId(), GetTickCount(),
                 atomic_fetch_add(&counter, 1) & 0xffff);
        for (size_t j = 0; j < sizeof name; j++)
            r->temporary[directory + j] = (wchar_t)name[j];
        r->file = CreateFileW(r->temporary, GENERIC_WRITE | WRITE_DAC, 0, NULL, CREATE_NEW, r->attributes, NULL);
        if (r->file != INVALID_HANDLE_VALUE)
            return RNN_OK;
        if (GetLastError() != ERROR_FILE_EXISTS)
            break;
    }
    return fail_to_write(r);
}

rnn_status librnn_file_replace(const char *path, rnn_replacement *replacement)
{
    RNN_REQUIRE(path);
    rnn_replacement r = {.file = INVALID_HANDLE_VALUE, .path = path};
    rnn_status status = find_target(&r);
    if (status == RNN_OK)
        status = create_temporary(&r);
    if (status == RNN_OK && r.rights)
        SetKernelObjectSecurity(r.file, DACL_SECURITY_INFORMATION, r.rights); /* the file is saved even if this fails */
    if (status == RNN_OK)
        *replacement = r;
    else
        librnn_file_discard(&r);
    return status;
}

rnn_status librnn_file_write(const rnn_replacement *replacement, const void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        DWORD part = (DWORD)(size - done < AT_ONCE ? size - done : AT_ONCE), n;
        if (!WriteFile(replacement->file, (const char *)bytes + done, part, &n, NULL))
            return fail_to_write(replacement);
        done += n;
    }
    return RNN_OK;
}

/*
 * Moves the new file over the old one. MoveFileEx() does it in one step, but older versions of Windows refuse if
 * another program has the old file open. ReplaceFile() then moves that file out of the way first.
 */
static bool put_in_place(const rnn_replacement *r)
{
    const DWORD flags = REPLACEFILE_IGNORE_MERGE_ERRORS | REPLACEFILE_IGNORE_ACL_ERRORS;
    return MoveFileExW(r->temporary, r->target, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) ||
           (GetLastError() == ERROR_ACCESS_DENIED && ReplaceFileW(r->target, r->temporary, NULL, flags, NULL, NULL));
}

rnn_status librnn_file_commit(rnn_replacement *r)
{
    rnn_status status = FlushFileBuffers(r->file) ? RNN_OK : fail_to_write(r);
    if (!CloseHandle(r->file) && status == RNN_OK)
        status = fail_to_write(r);
    r->file = INVALID_HANDLE_VALUE;
    if (status == RNN_OK && !put_in_place(r))
        status = fail_to_write(r);
    if (status != RNN_OK)
        DeleteFileW(r->temporary);
    librnn_file_discard(r);
    return status;
}

void librnn_file_discard(rnn_replacement *r)
{
    if (r->file != INVALID_HANDLE_VALUE) {
        CloseHandle(r->file);
        DeleteFileW(r->temporary);
    }
    librnn_release(r->rights);
    librnn_release(r->temporary);
    librnn_release(r->target);
    *r = (rnn_replacement){.file = INVALID_HANDLE_VALUE};
}

/* ---- Threads ----------------------------------------------------------------------------------------------------- */

#if RNN_WITH_THREADS

_Static_assert(sizeof(SRWLOCK) == sizeof(system_lock), "system_lock holds an SRWLOCK");
_Static_assert(sizeof(CONDITION_VARIABLE) == sizeof(system_condition), "system_condition holds a CONDITION_VARIABLE");

void librnn_system_lock_init(system_lock *lock)
{
    InitializeSRWLock((SRWLOCK *)lock);
}

void librnn_system_lock(system_lock *lock)
{
    AcquireSRWLockExclusive((SRWLOCK *)lock);
}

void librnn_system_unlock(system_lock *lock)
{
    ReleaseSRWLockExclusive((SRWLOCK *)lock);
}

void librnn_system_condition_init(system_condition *condition)
{
    InitializeConditionVariable((CONDITION_VARIABLE *)condition);
}

void librnn_system_condition_destroy(system_condition *condition)
{
    (void)condition;
}

void librnn_system_wait(system_condition *condition, system_lock *lock)
{
    SleepConditionVariableSRW((CONDITION_VARIABLE *)condition, (SRWLOCK *)lock, INFINITE, 0);
}

void librnn_system_signal(system_condition *condition)
{
    WakeConditionVariable((CONDITION_VARIABLE *)condition);
}

static unsigned __stdcall run_thread(void *argument)
{
    system_thread *thread = argument;
    thread->run(thread->argument);
    return 0;
}

/*
 * A DLL can't wait for its threads while it is being unloaded, because a thread that ends needs the loader's lock. So
 * the DLL stays loaded once it has a thread. The thread ends with the process.
 */
bool librnn_system_start(system_thread *thread, size_t stack, void *(*run)(void *argument), void *argument)
{
    HMODULE module;
    thread->run = run;
    thread->argument = argument;
    if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                            (const wchar_t *)&run_thread, &module))
        return false;
    thread->handle =
        (HANDLE)_beginthreadex(NULL, (unsigned)stack, run_thread, thread, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    return thread->handle != NULL;
}

void librnn_system_after_fork(void (*in_child)(void))
{
    (void)in_child;
}

#endif

/* ---- The process ------------------------------------------------------------------------------------------------- */

int librnn_system_process(void)
{
    return (int)GetCurrentProcessId();
}

int librnn_system_processors(void)
{
    DWORD_PTR own, all;
    return GetProcessAffinityMask(GetCurrentProcess(), &own, &all) && own != 0 ? __builtin_popcountll(own) : 1;
}

int64_t librnn_system_nanoseconds(void)
{
    enum { SECOND = 1000000000 };
    LARGE_INTEGER now, rate;
    if (!QueryPerformanceCounter(&now) || !QueryPerformanceFrequency(&rate))
        return -1;
    return now.QuadPart / rate.QuadPart * SECOND + now.QuadPart % rate.QuadPart * SECOND / rate.QuadPart;
}

/* Not every C library has a locale for each thread. Without one, only one thread at a time may change the locale. */
static SRWLOCK locale_lock = SRWLOCK_INIT;

bool librnn_system_enter_c_locale(system_locale *locale)
{
    AcquireSRWLockExclusive(&locale_lock);
    locale->per_thread = _configthreadlocale(_ENABLE_PER_THREAD_LOCALE);
    const char *number = setlocale(LC_NUMERIC, NULL);
    if (!number || strlen(number) >= sizeof locale->number) {
        _configthreadlocale(locale->per_thread);
        ReleaseSRWLockExclusive(&locale_lock);
        return false;
    }
    strcpy(locale->number, number);
    setlocale(LC_NUMERIC, "C");
    return true;
}

void librnn_system_leave_c_locale(const system_locale *locale)
{
    setlocale(LC_NUMERIC, locale->number);
    _configthreadlocale(locale->per_thread);
    ReleaseSRWLockExclusive(&locale_lock);
}
#endif
