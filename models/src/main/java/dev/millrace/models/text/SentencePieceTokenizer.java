package dev.millrace.models.text;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.List;
import java.util.Set;

/**
 * SentencePiece's BPE over a llama vocabulary, as llama.cpp applies it.
 *
 * <p>The spans of a prompt are one text; their borders decide only where special tokens may be
 * found, so a word that begins in one span and ends in the next is split as if written in one go. A
 * special token is recognised where it lies wholly in trusted text, the longest that begins at a
 * position. The space that the vocabulary wants before the first word is put at the start of the
 * text and after every special token.
 *
 * <p>User-defined pieces without brackets or bars (runs of newlines, added words) mean nothing that
 * a user may not say: they are recognised in any text.
 */
public final class SentencePieceTokenizer implements Tokenizer {

    /** Longest text to encode at once, in UTF-16 units: room for a million tokens. */
    public static final int MAX_CHARACTERS = PromptText.MAX_CHARACTERS;

    private static final int NONE = -1;

    /**
     * What the vocabulary's pieces do not say themselves. Tokens that do not exist are -1.
     *
     * @param endTokens       tokens that end a generation
     * @param addsStart       whether a prompt begins with the start token
     * @param addsSpacePrefix whether text begins with a space that nobody wrote
     */
    public record Options(int startToken, int endToken, int unknownToken, Set<Integer> endTokens,
            boolean addsStart, boolean addsSpacePrefix) {

        public Options {
            endTokens = Set.copyOf(endTokens);
        }
    }

    private final Vocabulary vocabulary;
    private final Options options;
    private final BitSet endTokens = new BitSet();
    private final SpecialPieces trustedPieces;
    private final SpecialPieces untrustedPieces;

    public SentencePieceTokenizer(Vocabulary vocabulary, Options options) {
        this.vocabulary = vocabulary;
        this.options = options;
        options.endTokens().forEach(endTokens::set);
        this.trustedPieces = SpecialPieces.trusted(vocabulary);
        this.untrustedPieces = SpecialPieces.untrusted(vocabulary);
    }

    @Override
    public int vocabularySize() {
        return vocabulary.size();
    }

    /** @throws IllegalArgumentException if the text is longer than {@link #MAX_CHARACTERS} */
    @Override
    public int[] encode(List<TextSpan> spans, boolean addStart) {
        PromptText prompt = PromptText.of(spans);
        Encoding encoding = new Encoding();
        int from = 0;
        for (int run = 0; run < prompt.ends().length; run++) {
            encoding.append(prompt.utf8(), from, prompt.ends()[run],
                    prompt.trusted()[run] ? trustedPieces : untrustedPieces);
            from = prompt.ends()[run];
        }
        int[] tokens = encoding.finish();
        boolean startMissing = addStart && options.addsStart && options.startToken != NONE
                && (tokens.length == 0 || tokens[0] != options.startToken);
        if (!startMissing) {
            return tokens;
        }
        int[] started = new int[tokens.length + 1];
        started[0] = options.startToken;
        System.arraycopy(tokens, 0, started, 1, tokens.length);
        return started;
    }

    /** One prompt on its way: finished tokens, and text that no special token has ended yet. */
    private final class Encoding {

        private final TokenBuffer tokens = new TokenBuffer();
        private final ByteArrayOutputStream pending = new ByteArrayOutputStream();
        private boolean afterSpecial = true;

        void append(byte[] text, int from, int to, SpecialPieces specials) {
            for (int i = from; i < to;) {
                int special = specials.longestAt(text, i, to);
                if (special != NONE) {
                    flush();
                    tokens.add(special);
                    afterSpecial = true;
                    i += vocabulary.piece(special).length;
                } else {
                    appendByte(text[i++]);
                }
            }
        }

        int[] finish() {
            flush();
            return tokens.toArray();
        }

        private void appendByte(byte b) {
            if (pending.size() == 0 && afterSpecial && options.addsSpacePrefix) {
                pending.writeBytes(Vocabulary.SPACE);
            }
            if (b == ' ') {
                pending.writeBytes(Vocabulary.SPACE);
            } else {
                pending.write(b);
            }
        }

        private void flush() {
            if (pending.size() > 0) {
                PieceMerger.split(vocabulary, options.unknownToken, pending.toByteArray(),
                        tokens);
                pending.reset();
                afterSpecial = false;
            }
        }
    }

    @Override
    public byte[] bytes(int token) {
        checkToken(token);
        byte[] piece = vocabulary.piece(token);
        return switch (vocabulary.kind(token)) {
            case CONTROL, UNKNOWN -> new byte[0];
            case BYTE -> new byte[]{(byte) Vocabulary.byteOf(piece)};
            case USER_DEFINED -> piece.clone();
            case NORMAL, UNUSED -> TokenSpelling.withSpaces(piece);
        };
    }

    @Override
    public String piece(int token) {
        checkToken(token);
        return new String(vocabulary.piece(token), StandardCharsets.UTF_8);
    }

    @Override
    public String decode(int[] tokens) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int token : tokens) {
            bytes.writeBytes(bytes(token));
        }
        String text = bytes.toString(StandardCharsets.UTF_8);
        return options.addsSpacePrefix && text.startsWith(" ") ? text.substring(1) : text;
    }

    @Override
    public int startToken() {
        return options.startToken;
    }

    @Override
    public boolean addsStart() {
        return options.addsStart && options.startToken != NONE;
    }

    @Override
    public int endToken() {
        return options.endToken;
    }

    @Override
    public boolean endsGeneration(int token) {
        checkToken(token);
        return endTokens.get(token);
    }

    private void checkToken(int token) {
        if (token < 0 || token >= vocabulary.size()) {
            throw new IllegalArgumentException("there is no token " + token
                    + "; the vocabulary has the tokens 0 to " + (vocabulary.size() - 1));
        }
    }
}
