/*
 * notes.h: strings of the caller's own in a model.
 */
#ifndef RNN_NOTES_H
#define RNN_NOTES_H

#include "base/status.h"

enum { NOTE_KEY_MOST = 200 }; /* bytes */

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

/* value: NULL removes the note. */
rnn_status librnn_notes_set(note_list *list, const char *key, const char *value);

#endif
