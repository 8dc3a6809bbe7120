/*
 * notes.h: strings of the caller's own in a model and its file.
 */
#ifndef RNN_NOTES_H
#define RNN_NOTES_H

#include "safetensors.h"

typedef struct note {
    const char *key, *value; /* one block of memory, which begins with the key */
} note;

/* Sorted by the bytes of the keys, each of which is there once */
typedef struct note_list {
    note *notes;
    int64_t count;
} note_list;

void librnn_notes_destroy(note_list *list);

/* `to` is empty. When memory runs out it has some of the notes. */
rnn_status librnn_notes_copy(const note_list *from, note_list *to);

/* As texts of a file's metadata. `list` is empty before it is read; after a failure it has some of the notes. */
rnn_status librnn_notes_add_to(safetensors_writer *writer, const note_list *list);
rnn_status librnn_notes_read_from(const safetensors_reader *reader, note_list *list);

#endif
