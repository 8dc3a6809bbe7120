/*
 * notes.c: a model's notes, which are strings that the caller stores in it.
 */
#include "network/notes.h"

#include "base/memory.h"
#include "base/names.h"
#include "base/utf8.h"
#include "network/model.h"

#include <string.h>

enum { VALUE_MOST = 1 << 20, NOTES_MOST = 1024 };

/* ---- The list ---------------------------------------------------------------------------------------------------- */

/* The index of a key, or the index where it would be inserted. */
static int64_t place_of(const note_list *list, const char *key, bool *there)
{
    int64_t first = 0, end = list->count;
    while (first < end) {
        int64_t middle = first + (end - first) / 2;
        if (strcmp(list->notes[middle].key, key) < 0)
            first = middle + 1;
        else
            end = middle;
    }
    *there = first < list->count && strcmp(list->notes[first].key, key) == 0;
    return first;
}

static void destroy_note(note *n)
{
    librnn_release((char *)n->key);
}

static rnn_status create_note(const char *key, const char *value, note *n)
{
    size_t key_size = strlen(key) + 1, value_size = strlen(value) + 1;
    char *texts;
    RNN_TRY(librnn_allocate("a note", key_size + value_size, 1, (void **)&texts));
    memcpy(texts, key, key_size);
    memcpy(texts + key_size, value, value_size);
    *n = (note){texts, texts + key_size};
    return RNN_OK;
}

/* Makes sure that there is space for one more note. */
static rnn_status make_room(note_list *list)
{
    size_t room = list->notes ? librnn_allocated(list->notes) / sizeof *list->notes : 0;
    note *larger;
    if ((size_t)list->count < room)
        return RNN_OK;
    RNN_TRY(librnn_allocate("a list of notes", room > 0 ? 2 * room : 4, sizeof *larger, (void **)&larger));
    if (list->notes)
        memcpy(larger, list->notes, (size_t)list->count * sizeof *larger);
    librnn_release(list->notes);
    list->notes = larger;
    return RNN_OK;
}

static void remove_note(note_list *list, const char *key)
{
    bool there;
    int64_t place = place_of(list, key, &there);
    if (!there)
        return;
    destroy_note(&list->notes[place]);
    list->count--;
    memmove(&list->notes[place], &list->notes[place + 1], (size_t)(list->count - place) * sizeof *list->notes);
}

/* Adds a note. It replaces the note with the same key, if there is one. */
static rnn_status put_note(note_list *list, const char *key, const char *value)
{
    bool there;
    int64_t place = place_of(list, key, &there);
    note made;
    if (!there && list->count == NOTES_MOST)
        return librnn_fail(RNN_ERROR_ARGUMENT, "the model has %d notes, which is the maximum", NOTES_MOST);
    if (!there)
        RNN_TRY(make_room(list));
    RNN_TRY(create_note(key, value, &made));
    if (there) {
        destroy_note(&list->notes[place]);
    } else {
        memmove(&list->notes[place + 1], &list->notes[place], (size_t)(list->count - place) * sizeof *list->notes);
        list->count++;
    }
    list->notes[place] = made;
    return RNN_OK;
}

static rnn_status check_text(const char *name, const char *text, size_t least, size_t most)
{
    size_t size = strlen(text);
    if (size < least || size > most)
        return librnn_fail(RNN_ERROR_ARGUMENT, "%s has %zu byte%s; it must have %zu to %zu", name, size,
                           rnn_plural(size), least, most);
    return librnn_utf8_check(name, text);
}

/* value: NULL removes the note. */
rnn_status librnn_notes_set(note_list *list, const char *key, const char *value)
{
    RNN_TRY(check_text("key", key, 1, NOTE_KEY_MOST));
    if (value) {
        RNN_TRY(check_text("value", value, 0, VALUE_MOST));
        return put_note(list, key, value);
    }
    remove_note(list, key);
    return RNN_OK;
}

void librnn_notes_destroy(note_list *list)
{
    for (int64_t i = 0; i < list->count; i++)
        destroy_note(&list->notes[i]);
    librnn_release(list->notes);
}

rnn_status librnn_notes_copy(const note_list *from, note_list *to)
{
    for (int64_t i = 0; i < from->count; i++)
        RNN_TRY(put_note(to, from->notes[i].key, from->notes[i].value));
    return RNN_OK;
}

/* ---- Notes of a model -------------------------------------------------------------------------------------------- */

rnn_status rnn_model_set_note(rnn_model *model, const char *key, const char *value)
{
    RNN_REQUIRE(model);
    RNN_REQUIRE(key);
    return librnn_notes_set(&model->notes, key, value);
}

const char *rnn_model_note(const rnn_model *model, const char *key)
{
    bool there;
    if (!model || !key)
        return NULL;
    int64_t place = place_of(&model->notes, key, &there);
    return there ? model->notes.notes[place].value : NULL;
}

int64_t rnn_model_note_count(const rnn_model *model)
{
    return model ? model->notes.count : 0;
}

rnn_status rnn_model_note_at(const rnn_model *model, int64_t index, const char **key, const char **value)
{
    RNN_REQUIRE(model);
    if (model->notes.count == 0)
        return librnn_fail(RNN_ERROR_ARGUMENT, "the model has no notes");
    RNN_TRY(librnn_check_range("index", index, 0, model->notes.count - 1));
    RNN_REQUIRE(key);
    RNN_REQUIRE(value);
    *key = model->notes.notes[index].key;
    *value = model->notes.notes[index].value;
    return RNN_OK;
}
