/*
 * notes.h: a model's notes, which are strings that the caller stores in it.
 */
#ifndef RNN_NOTES_H
#define RNN_NOTES_H

#include "base/status.h"

enum { NOTE_KEY_MOST = 200 }; /* in bytes */

typedef struct note {
    const char *key, *value; /* in one block of memory, which begins with the key */
} note;

/* Sorted by the bytes of the keys. Each key occurs once. */
typedef struct note_list {
    note *notes;
    int64_t count;
} note_list;

void librnn_notes_destroy(note_list *list);

/* `to` must be empty. If memory runs out, it contains only some of the notes. */
rnn_status librnn_notes_copy(const note_list *from, note_list *to);

/* If `value` is NULL, removes the note. */
rnn_status librnn_notes_set(note_list *list, const char *key, const char *value);

#endif
