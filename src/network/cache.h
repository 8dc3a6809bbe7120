/*
 * cache.h: what a model keeps for those who compute with it: its weights as the matrix products read them, and memory
 * that calls work in. Readers of one model may be many; they need no lock.
 */
#ifndef RNN_CACHE_H
#define RNN_CACHE_H

#include "network/model.h"

/* The packed weights for the forward pass, made if the parameters have changed. For any number of threads at once. */
rnn_status librnn_cache_forward(const rnn_model *model, const core_team *team, const void **packed);

/* The same, or NULL if they aren't there yet. */
const void *librnn_cache_present(const rnn_model *model);

/* Those for the backward pass too; for the one thread that trains. */
rnn_status librnn_cache_training(rnn_model *model, const core_team *team, const void **forward, const void **backward);

/* Says that the parameters have changed. For the one thread that changes them. */
void librnn_cache_invalidate(rnn_model *model);

/* A number that no other model has, and that the model had not before its parameters changed last; never 0 */
uint64_t librnn_cache_version(const rnn_model *model);

/*
 * Memory for the length of a call: what an earlier call of the model has given back, if its size is right. What is in
 * it is undefined. Give back what you take.
 */
rnn_status librnn_cache_take(const rnn_model *model, bool training, const char *purpose, size_t size, void **memory);
void librnn_cache_give(const rnn_model *model, bool training, void *memory);

rnn_status librnn_cache_create(model_cache **cache);
void librnn_cache_destroy(model_cache *cache);

#endif
