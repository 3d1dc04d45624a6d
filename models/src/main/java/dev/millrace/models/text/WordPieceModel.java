package dev.millrace.models.text;

import dev.millrace.models.text.Vocabulary.Kind;
import java.util.Arrays;

/**
 * WordPiece (BERT): the longest piece that a word begins with, then the longest that its rest
 * begins with, and so on; a word that cannot be spelled so is one unknown token.
 */
public final class WordPieceModel implements WordModel {

    /**
     * How pieces are written.
     *
     * @param firstPrefix   what pieces begin with that begin a word
     * @param restPrefix    what the others begin with
     * @param unknownToken  what stands for a word that cannot be spelled
     * @param maxCharacters longer words are unknown
     */
    public record Options(String firstPrefix, String restPrefix, int unknownToken,
            int maxCharacters) {}

    private final Options options;
    private final ByteTrie first = new ByteTrie();
    private final ByteTrie rest = new ByteTrie();

    public WordPieceModel(Vocabulary vocabulary, Options options) {
        this.options = options;
        byte[] firstPrefix = Utf8.encode(options.firstPrefix);
        byte[] restPrefix = Utf8.encode(options.restPrefix);
        for (int token = 0; token < vocabulary.size(); token++) {
            if (vocabulary.kind(token) == Kind.NORMAL) {
                add(first, vocabulary.piece(token), firstPrefix, token);
                add(rest, vocabulary.piece(token), restPrefix, token);
            }
        }
    }

    private static void add(ByteTrie trie, byte[] piece, byte[] prefix, int token) {
        boolean begins = piece.length > prefix.length
                && Arrays.equals(piece, 0, prefix.length, prefix, 0, prefix.length);
        if (begins) {
            trie.add(Arrays.copyOfRange(piece, prefix.length, piece.length), token);
        }
    }

    @Override
    public Encoder encoder(TokenBuffer out) {
        TokenBuffer pieces = new TokenBuffer();
        return (text, from, to) -> {
            pieces.clear();
            if (isTooLong(text, from, to) || !spell(text, from, to, pieces)) {
                out.add(options.unknownToken);
            } else {
                out.addAll(pieces.toArray());
            }
        };
    }

    private boolean isTooLong(byte[] text, int from, int to) {
        int characters = 0;
        for (int at = from; at < to && characters <= options.maxCharacters; characters++) {
            at += Utf8.length(text[at]);
        }
        return characters > options.maxCharacters;
    }

    private boolean spell(byte[] text, int from, int to, TokenBuffer pieces) {
        for (int at = from; at < to;) {
            ByteTrie trie = at == from ? first : rest;
            int end = trie.longestEnd(text, at, to);
            if (end == ByteTrie.NONE) {
                return false;
            }
            pieces.add(trie.find(text, at, end));
            at = end;
        }
        return true;
    }
}
