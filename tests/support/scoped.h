/* Local variables that destroy the library's objects at the end of their block; see suite.h. */
#ifndef RNN_TESTS_SCOPED_H
#define RNN_TESTS_SCOPED_H

#include "rnn/rnn.h"
#include "suite.h"

#define RELEASE(object)                                                                                                \
    static inline void release_##object(rnn_##object **pointer)                                                        \
    {                                                                                                                  \
        rnn_##object##_destroy(*pointer);                                                                              \
    }
RELEASE(model)
RELEASE(state)
RELEASE(optimizer)
RELEASE(sampler)
RELEASE(vocab)
RELEASE(source)
RELEASE(corpus)
RELEASE(batcher)
#undef RELEASE

static inline void release_checkpoint(rnn_checkpoint *checkpoint)
{
    rnn_model_destroy(checkpoint->model);
    rnn_model_destroy(checkpoint->average);
    rnn_optimizer_destroy(checkpoint->optimizer);
    rnn_state_destroy(checkpoint->state);
    rnn_sampler_destroy(checkpoint->sampler);
    rnn_vocab_destroy(checkpoint->vocab);
}

#define scoped_model RELEASED_BY(release_model) rnn_model
#define scoped_state RELEASED_BY(release_state) rnn_state
#define scoped_optimizer RELEASED_BY(release_optimizer) rnn_optimizer
#define scoped_sampler RELEASED_BY(release_sampler) rnn_sampler
#define scoped_vocab RELEASED_BY(release_vocab) rnn_vocab
#define scoped_source RELEASED_BY(release_source) rnn_source
#define scoped_corpus RELEASED_BY(release_corpus) rnn_corpus
#define scoped_batcher RELEASED_BY(release_batcher) rnn_batcher
#define scoped_checkpoint RELEASED_BY(release_checkpoint) rnn_checkpoint /* with its objects */

#endif
