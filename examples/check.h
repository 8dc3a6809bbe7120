/* If a call has failed, ends the program with the library's message. */
#include <stdio.h>
#include <stdlib.h>

#include <rnn/rnn.h>

static inline void check(rnn_status status)
{
    if (status == RNN_OK)
        return;
    fprintf(stderr, "%s\n", rnn_last_error());
    exit(EXIT_FAILURE);
}
