/*
 * cache.h: the memory that a model keeps for computing: packed weights, in the order in which the matrix products read
 * them, and blocks that calls reuse. Any number of threads may read one model without a lock.
 */
#ifndef RNN_CACHE_H
#define RNN_CACHE_H

#include "network/model.h"

/*
 * Returns the packed weights for the forward pass. Packs them if the parameters have changed. Any number of threads may
 * call it at once.
 */
rnn_status librnn_cache_forward(const rnn_model *model, const core_team *team, const void **packed);

/* Returns the same weights, or NULL if they aren't packed yet. */
const void *librnn_cache_present(const rnn_model *model);

/* Returns the packed weights for the forward and the backward pass. Only the thread that trains may call it. */
rnn_status librnn_cache_training(rnn_model *model, const core_team *team, const void **forward, const void **backward);

/* Tells the cache that the parameters have changed. Only the thread that changes them may call it. */
void librnn_cache_invalidate(rnn_model *model);

/*
 * A number that identifies the model's present parameters. No other model has it, and it changes whenever the
 * parameters change. It is never 0.
 */
uint64_t librnn_cache_version(const rnn_model *model);

/*
 * Takes memory for the duration of a call. It reuses a block that an earlier call on the model has given back, if the
 * size is suitable. The contents are undefined. The caller must give the memory back.
 */
rnn_status librnn_cache_take(const rnn_model *model, bool training, const char *purpose, size_t size, void **memory);
void librnn_cache_give(const rnn_model *model, bool training, void *memory);

rnn_status librnn_cache_create(model_cache **cache);
void librnn_cache_destroy(model_cache *cache);

#endif
