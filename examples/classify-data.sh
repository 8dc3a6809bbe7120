#!/usr/bin/env bash
# Prints lines for classify: a label, a tab and a text.
#   examples/classify-data.sh languages           words of the five dictionaries in Debian's packages wamerican,
#                                                 wngerman, wfrench, witalian and wspanish: 10,000 of each language
#   examples/classify-data.sh speakers PLAY [N]   lines of a play, or of several in one file, to the N speakers who have
#                                                 most lines (default 10). An empty line stands between two speeches
# DICTIONARIES is the directory of the dictionaries, /usr/share/dict by default.
set -euo pipefail
export LC_ALL=C.UTF-8

usage() {
    echo "usage: examples/classify-data.sh languages | speakers PLAY [N]" >&2
    exit 2
}

# Words are in lower case, so that the capitals of German nouns don't give them away. Words that several languages have
# are left out. The sample is the same each time.
languages() {
    local directory=${DICTIONARIES:-/usr/share/dict} language
    local -A files=([English]=american-english [French]=french [German]=ngerman [Italian]=italian [Spanish]=spanish)
    for language in "${!files[@]}"; do
        if [[ ! -r $directory/${files[$language]} ]]; then
            echo "there is no $directory/${files[$language]};" \
                "install wamerican, wngerman, wfrench, witalian and wspanish" >&2
            exit 1
        fi
    done
    for language in English French German Italian Spanish; do
        sed 's/.*/\L&/' "$directory/${files[$language]}" | grep -E '^[[:lower:]]{2,}$' | sort -u |
            sed "s/^/$language\t/"
    done | awk -F '\t' '{ languages[$2]++; language[$2] = $1 }
        END { for (word in languages) if (languages[word] == 1) print language[word] "\t" word }' | sort |
        shuf --random-source=<(yes) | awk -F '\t' '++count[$1] <= 10000'
}

# A speaker's name is a line by itself that ends with a colon, after an empty line.
speakers() {
    awk -v most="$2" '
        /^[A-Z][A-Za-z .'"'"'-]*:$/ && previous == "" { speaker = substr($0, 1, length($0) - 1); previous = $0; next }
        { previous = $0 }
        $0 != "" && speaker != "" { lines[++n] = speaker "\t" $0; speakers[n] = speaker; count[speaker]++ }
        $0 == "" { lines[++n] = "" }
        END {
            for (; most > 0; most--) {
                best = ""
                for (speaker in count)
                    if (!(speaker in kept) && (best == "" || count[speaker] > count[best]))
                        best = speaker
                kept[best]
            }
            for (k = 1; k <= n; k++)
                if (lines[k] == "" || speakers[k] in kept)
                    print lines[k]
        }' "$1" | cat -s
}

case ${1:-} in
    languages) [[ $# -eq 1 ]] || usage; languages ;;
    speakers) [[ $# -eq 2 || $# -eq 3 ]] || usage; speakers "$2" "${3:-10}" ;;
    *) usage ;;
esac
