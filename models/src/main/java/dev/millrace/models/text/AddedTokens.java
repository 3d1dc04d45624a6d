package dev.millrace.models.text;

import dev.millrace.models.text.split.CharacterTypes;
import java.util.List;

/** The added tokens of a vocabulary, found in a text from left to right, the longest first. */
final class AddedTokens {

    private static final int WORD_TYPES = CharacterTypes.LETTER | CharacterTypes.MARK
            | CharacterTypes.NUMBER;

    private final List<AddedToken> tokens;
    private final ByteTrie forTemplates = new ByteTrie();
    private final ByteTrie forEverybody = new ByteTrie();

    AddedTokens(List<AddedToken> tokens) {
        this.tokens = List.copyOf(tokens);
        for (int i = 0; i < tokens.size(); i++) {
            byte[] content = Utf8.encode(tokens.get(i).content());
            if (content.length > 0) {
                forTemplates.add(content, i);
                if (tokens.get(i).isForEverybody()) {
                    forEverybody.add(content, i);
                }
            }
        }
    }

    boolean isEmpty() {
        return tokens.isEmpty();
    }

    /** What is found, and what is between. */
    interface Listener {

        /** Text without added tokens; never empty. */
        void text(int from, int to);

        void token(int token);
    }

    /**
     * Cuts a stretch of text at its added tokens.
     *
     * @param from    where the stretch begins
     * @param trusted whether a template wrote it
     * @return where the text begins that follows the last token, or {@code rest} if there is none
     */
    int cut(byte[] text, int rest, int from, int to, boolean trusted, Listener listener) {
        ByteTrie trie = trusted ? forTemplates : forEverybody;
        int textStart = rest;
        for (int at = from; at < to;) {
            int end = trie.mayBegin(text[at]) ? trie.longestEnd(text, at, to) : ByteTrie.NONE;
            if (end == ByteTrie.NONE) {
                at++;
                continue;
            }
            AddedToken token = tokens.get(trie.find(text, at, end));
            if (token.singleWord() && touchesWord(text, from, at, end, to)) {
                at = end;
                continue;
            }
            int textEnd = token.stripsLeft()
                    ? spacesStart(text, Math.max(from, textStart), at)
                    : at;
            if (textEnd > textStart) {
                listener.text(textStart, textEnd);
            }
            listener.token(token.token());
            at = token.stripsRight() ? spacesEnd(text, end, to) : end;
            textStart = at;
        }
        return textStart;
    }

    private static boolean touchesWord(byte[] text, int from, int start, int end, int to) {
        return start > from && isWord(text, Utf8.previous(text, start))
                || end < to && isWord(text, end);
    }

    private static boolean isWord(byte[] text, int at) {
        return text[at] == '_' || (CharacterTypes.at(text, at) & WORD_TYPES) != 0;
    }

    private static int spacesStart(byte[] text, int from, int at) {
        int start = at;
        while (start > from) {
            int before = Utf8.previous(text, start);
            if ((CharacterTypes.at(text, before) & CharacterTypes.SPACE) == 0) {
                break;
            }
            start = before;
        }
        return start;
    }

    private static int spacesEnd(byte[] text, int from, int to) {
        int end = from;
        while (end < to && (CharacterTypes.at(text, end) & CharacterTypes.SPACE) != 0) {
            end += Utf8.length(text[end]);
        }
        return end;
    }
}
