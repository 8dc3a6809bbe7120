/*
 * cache.c: a model's packed weights and reusable memory.
 *
 * A caller that changes a model has exclusive access to it, so only readers can run at the same time. Readers take each
 * shared pointer by an atomic exchange and put it back by an atomic compare-and-exchange. If two readers find no packed
 * weights, both pack them, and the first to finish wins. Nobody waits, so a process can be forked at any moment and the
 * child can go on.
 */
#include "network/cache.h"

#include "base/memory.h"

#include <stdatomic.h>

enum {
    BLOCKS_KEPT = 16, /* maximum number of blocks that are kept for readers */
    SIZES_KEPT = 4,   /* a block is reused if the call needs at least 1 / SIZES_KEPT of it, */
    SMALL = 64 << 10  /* or if it is no larger than this many bytes */
};

struct model_cache {
    uint64_t version;                    /* version of the parameters */
    _Atomic(void *) forward;             /* packed weights for the forward pass; NULL: none that are up to date */
    _Atomic(void *) spare;               /* memory for packed weights, whose contents are out of date; or NULL */
    void *backward;                      /* memory for the packed weights of the backward pass; or NULL */
    bool backward_is_fresh;              /* `backward` is up to date */
    _Atomic(void *) blocks[BLOCKS_KEPT]; /* blocks that readers have given back; or NULL */
    _Atomic(void *) training_block;      /* the block that training has given back; or NULL */
};

static uint64_t new_version(void)
{
    static atomic_uint_fast64_t last;
    return (uint64_t)atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
}

rnn_status librnn_cache_create(model_cache **cache)
{
    RNN_TRY(librnn_allocate("a model's cache", 1, sizeof **cache, (void **)cache));
    (*cache)->version = new_version();
    return RNN_OK;
}

uint64_t librnn_cache_version(const rnn_model *model)
{
    return model->cache->version;
}

void librnn_cache_destroy(model_cache *cache)
{
    if (!cache)
        return;
    librnn_release(cache->forward);
    librnn_release(cache->spare);
    librnn_release(cache->backward);
    for (size_t i = 0; i < BLOCKS_KEPT; i++)
        librnn_release(cache->blocks[i]);
    librnn_release(cache->training_block);
    librnn_release(cache);
}

/* ---- Packed weights ---------------------------------------------------------------------------------------------- */

/* Takes memory for the packed weights of the forward pass: the spare block if there is one, otherwise a new one. */
static rnn_status take_spare(const rnn_model *model, void **memory)
{
    *memory = atomic_exchange(&model->cache->spare, NULL);
    return *memory ? RNN_OK : librnn_allocate("the packed weights", model->network.forward_bytes, 1, memory);
}

const void *librnn_cache_present(const rnn_model *model)
{
    return atomic_load_explicit(&model->cache->forward, memory_order_acquire);
}

rnn_status librnn_cache_forward(const rnn_model *model, const core_team *team, const void **packed)
{
    void *present = atomic_load_explicit(&model->cache->forward, memory_order_acquire);
    if (!present) {
        void *own;
        RNN_TRY(take_spare(model, &own));
        model->core->pack(&model->network, model->parameters, team, own, NULL);
        if (atomic_compare_exchange_strong(&model->cache->forward, &present, own))
            present = own;
        else
            librnn_release(own);
    }
    *packed = present;
    return RNN_OK;
}

rnn_status librnn_cache_training(rnn_model *model, const core_team *team, const void **forward, const void **backward)
{
    model_cache *cache = model->cache;
    if (!cache->backward)
        RNN_TRY(librnn_allocate("the packed weights", model->network.backward_bytes, 1, &cache->backward));
    void *missing = NULL, *back = cache->backward_is_fresh ? NULL : cache->backward;
    if (!atomic_load(&cache->forward))
        RNN_TRY(take_spare(model, &missing));
    if (missing || back)
        model->core->pack(&model->network, model->parameters, team, missing, back);
    if (missing)
        atomic_store(&cache->forward, missing);
    cache->backward_is_fresh = true;
    *forward = atomic_load(&cache->forward);
    *backward = cache->backward;
    return RNN_OK;
}

void librnn_cache_invalidate(rnn_model *model)
{
    model_cache *cache = model->cache;
    void *old = atomic_exchange(&cache->forward, NULL);
    if (old)
        librnn_release(atomic_exchange(&cache->spare, old));
    cache->backward_is_fresh = false;
    cache->version = new_version();
}

/* ---- Reusable memory --------------------------------------------------------------------------------------------- */

static bool is_right(const void *memory, size_t size)
{
    size_t room = librnn_allocated(memory);
    return room >= size && (room <= SMALL || room / SIZES_KEPT <= size);
}

rnn_status librnn_cache_take(const rnn_model *model, bool training, const char *purpose, size_t size, void **memory)
{
    _Atomic(void *) *kept = training ? &model->cache->training_block : model->cache->blocks;
    for (size_t i = 0; i < (training ? 1 : BLOCKS_KEPT); i++) {
        void *block = atomic_load_explicit(&kept[i], memory_order_relaxed) ? atomic_exchange(&kept[i], NULL) : NULL;
        if (block && is_right(block, size)) {
            *memory = block;
            return RNN_OK;
        }
        librnn_release(block);
    }
    return librnn_allocate(purpose, size, 1, memory);
}

void librnn_cache_give(const rnn_model *model, bool training, void *memory)
{
    _Atomic(void *) *kept = training ? &model->cache->training_block : model->cache->blocks;
    if (!memory)
        return;
    for (size_t i = 0; i < (training ? 1 : BLOCKS_KEPT); i++) {
        void *none = NULL;
        if (atomic_compare_exchange_strong(&kept[i], &none, memory))
            return;
    }
    librnn_release(memory);
}
