/*
 * processes.c: several processes train one model, each on some of the streams. They talk through MPI. If char_rnn was
 * built without MPI, or runs without mpirun, there is one process.
 */
#define RNN_EXPERIMENTAL /* rnn_model_flat_gradients() */
#include "char_rnn.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#ifdef RNN_WITH_MPI

#include <mpi.h>

static int count = 1, number;

static void end_all(int status)
{
    if (count > 1)
        MPI_Abort(MPI_COMM_WORLD, status);
}

/* MPI ends all processes itself if a call fails. */
void processes_begin(void)
{
    static char name[64];
    MPI_Init(NULL, NULL);
    MPI_Comm_size(MPI_COMM_WORLD, &count);
    MPI_Comm_rank(MPI_COMM_WORLD, &number);
    program_end = end_all;
    if (number > 0) {
        snprintf(name, sizeof name, "%s: process %d", program_name, number);
        program_name = name;
    }
}

void processes_end(void)
{
    MPI_Finalize();
}

int process_count(void)
{
    return count;
}

int process_number(void)
{
    return number;
}

void processes_exchange(const double *own, int values, double *all)
{
    MPI_Allgather(own, values, MPI_DOUBLE, all, values, MPI_DOUBLE, MPI_COMM_WORLD);
}

void processes_broadcast(void *bytes, size_t size)
{
    for (size_t done = 0, piece; done < size; done += piece) {
        piece = size - done < INT_MAX ? size - done : INT_MAX;
        MPI_Bcast((char *)bytes + done, (int)piece, MPI_BYTE, 0, MPI_COMM_WORLD);
    }
}

void processes_gather(const void *own, size_t size, void *all, const size_t *sizes)
{
    int *lengths = allocate((size_t)count * sizeof *lengths), *places = allocate((size_t)count * sizeof *places);
    size_t place = 0;
    for (int p = 0; p < count; place += sizes[p++]) {
        if (place + sizes[p] > INT_MAX)
            fail("the state of all streams is larger than MPI can gather");
        lengths[p] = (int)sizes[p];
        places[p] = (int)place;
    }
    MPI_Gatherv(own, (int)size, MPI_BYTE, all, lengths, places, MPI_BYTE, 0, MPI_COMM_WORLD);
    free(lengths);
    free(places);
}

/*
 * The gradients are cut into one slice for each process. `own_lengths` and `own_places` are for the copies of this
 * process's own slice, one from each process, which it adds up.
 */
typedef struct slices {
    int *lengths, *places, *own_lengths, *own_places;
} slices;

static int *numbers(void)
{
    return allocate((size_t)count * sizeof(int));
}

static slices cut(int64_t elements)
{
    slices s = {numbers(), numbers(), numbers(), numbers()};
    for (int p = 0; p < count; p++) {
        s.places[p] = (int)(elements * p / count);
        s.lengths[p] = (int)(elements * (p + 1) / count) - s.places[p];
    }
    for (int p = 0; p < count; p++) {
        s.own_lengths[p] = s.lengths[number];
        s.own_places[p] = p * s.lengths[number];
    }
    return s;
}

static void free_slices(slices *s)
{
    free(s->lengths);
    free(s->places);
    free(s->own_lengths);
    free(s->own_places);
}

static void scale(void *values, double factor, int64_t elements, bool is_double)
{
    for (int64_t i = 0; i < elements; i++)
        if (is_double)
            ((double *)values)[i] *= factor;
        else
            ((float *)values)[i] *= (float)factor;
}

static void add(void *sum, const void *addend, int elements, bool is_double)
{
    for (int i = 0; i < elements; i++)
        if (is_double)
            ((double *)sum)[i] += ((const double *)addend)[i];
        else
            ((float *)sum)[i] += ((const float *)addend)[i];
}

/*
 * Each process adds up one slice of the gradients of all processes, in the order of the processes. Then it receives the
 * sums of the other slices. MPI_Allreduce() moves as many bytes, but MPI leaves the order of its additions open.
 */
void processes_sum_gradients(rnn_model *model, double weight)
{
    rnn_model_options o;
    void *gradients;
    int64_t elements;
    if (count == 1)
        return;
    check(rnn_model_options_init(&o, sizeof o));
    check(rnn_model_get_options(model, &o));
    check(rnn_model_flat_gradients(model, &gradients, &elements));
    if (elements > INT_MAX - count)
        fail("the model has %lld parameters, which are more than %d processes can exchange", (long long)elements,
             count);
    bool is_double = o.precision == RNN_FLOAT64;
    MPI_Datatype type = is_double ? MPI_DOUBLE : MPI_FLOAT;
    size_t size = is_double ? sizeof(double) : sizeof(float);
    slices s = cut(elements);
    int own = s.lengths[number];
    char *received = allocate((size_t)count * (size_t)own * size);
    scale(gradients, weight, elements, is_double);
    MPI_Alltoallv(gradients, s.lengths, s.places, type, received, s.own_lengths, s.own_places, type, MPI_COMM_WORLD);
    for (int p = 1; p < count; p++)
        add(received, received + (size_t)p * (size_t)own * size, own, is_double);
    MPI_Allgatherv(received, own, type, gradients, s.lengths, s.places, type, MPI_COMM_WORLD);
    free(received);
    free_slices(&s);
}

#else

void processes_begin(void) {}

void processes_end(void) {}

int process_count(void)
{
    return 1;
}

int process_number(void)
{
    return 0;
}

void processes_exchange(const double *own, int values, double *all)
{
    memcpy(all, own, (size_t)values * sizeof *all);
}

void processes_broadcast(void *bytes, size_t size)
{
    (void)bytes;
    (void)size;
}

void processes_gather(const void *own, size_t size, void *all, const size_t *sizes)
{
    (void)sizes;
    memcpy(all, own, size);
}

void processes_sum_gradients(rnn_model *model, double weight)
{
    (void)model;
    (void)weight;
}

#endif
