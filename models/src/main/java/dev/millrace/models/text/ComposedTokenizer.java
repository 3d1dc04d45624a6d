package dev.millrace.models.text;

import dev.millrace.models.text.Vocabulary.Kind;
import dev.millrace.models.text.split.SplitRule;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * A tokenizer in the stages of Hugging Face's: added tokens are found, what is between them is
 * normalised, cut into pieces by rules, and each piece encoded by a model.
 *
 * <p>The spans of a prompt are one text; their borders decide only where added tokens may be found,
 * so a word that begins in one span and ends in the next is cut as if written in one go.
 */
public final class ComposedTokenizer implements Tokenizer {

    private static final int NONE = -1;
    private static final byte[] SILENT = new byte[0];

    /**
     * The stages.
     *
     * @param vocabulary pieces by token, with their kinds; added tokens are control pieces or
     *                   user-defined ones there
     * @param splits     rules, each applied to the pieces of the one before
     */
    public record Stages(Vocabulary vocabulary, List<AddedToken> addedTokens,
            TextNormalizer normalizer, List<SplitRule> splits, WordModel model,
            TokenSpelling spelling) {

        public Stages {
            addedTokens = List.copyOf(addedTokens);
            splits = List.copyOf(splits);
        }
    }

    private final Vocabulary vocabulary;
    private final TextNormalizer normalizer;
    private final SplitRule[] splits;
    private final WordModel model;
    private final TokenSpelling spelling;
    private final SpecialTokens special;
    private final BitSet endTokens = new BitSet();
    private final AddedTokens writtenTokens;
    private final AddedTokens normalizedTokens;

    public ComposedTokenizer(Stages stages, SpecialTokens special) {
        this.vocabulary = stages.vocabulary;
        this.normalizer = stages.normalizer;
        this.splits = stages.splits.toArray(SplitRule[]::new);
        this.model = stages.model;
        this.spelling = stages.spelling;
        this.special = special;
        special.endTokens().forEach(endTokens::set);
        // Where nothing is rewritten, both kinds are found in the same text.
        Predicate<AddedToken> late = token -> token.normalized()
                && normalizer != TextNormalizer.NONE;
        this.writtenTokens = new AddedTokens(
                stages.addedTokens.stream().filter(late.negate()).toList());
        this.normalizedTokens = new AddedTokens(stages.addedTokens.stream().filter(late)
                .map(this::normalized).toList());
    }

    private AddedToken normalized(AddedToken token) {
        byte[] content = normalizer.apply(Utf8.encode(token.content()), false);
        return new AddedToken(token.token(), new String(content, StandardCharsets.UTF_8),
                token.special(), true, token.stripsLeft(), token.stripsRight(),
                token.singleWord());
    }

    @Override
    public int vocabularySize() {
        return vocabulary.size();
    }

    /** @throws IllegalArgumentException if the text is too long to encode at once */
    @Override
    public int[] encode(List<TextSpan> spans, boolean addStart) {
        PromptText prompt = PromptText.of(spans);
        TokenBuffer out = new TokenBuffer();
        boolean starts = addStart && addsStart();
        if (starts) {
            out.add(special.startToken());
        }
        new Encoding(prompt, out).run();
        int[] tokens = out.toArray();
        boolean twice = starts && tokens.length > 1 && tokens[1] == special.startToken();
        return twice ? Arrays.copyOfRange(tokens, 1, tokens.length) : tokens;
    }

    /** One prompt on its way. */
    private final class Encoding implements AddedTokens.Listener {

        private final PromptText prompt;
        private final TokenBuffer out;
        private final WordModel.Encoder words;

        Encoding(PromptText prompt, TokenBuffer out) {
            this.prompt = prompt;
            this.out = out;
            this.words = model.encoder(out);
        }

        void run() {
            int rest = 0;
            int from = 0;
            for (int run = 0; run < prompt.ends().length; run++) {
                int to = prompt.ends()[run];
                rest = writtenTokens.cut(prompt.utf8(), rest, from, to, prompt.trusted()[run],
                        this);
                from = to;
            }
            if (rest < from) {
                text(rest, from);
            }
        }

        @Override
        public void token(int token) {
            out.add(token);
        }

        @Override
        public void text(int from, int to) {
            if (normalizer == TextNormalizer.NONE) {
                split(prompt.utf8(), from, to, 0);
                return;
            }
            byte[] text = normalizer.apply(Arrays.copyOfRange(prompt.utf8(), from, to), from == 0);
            int rest = 0;
            if (!normalizedTokens.isEmpty()) {
                boolean trusted = prompt.isTrusted(from, to);
                rest = normalizedTokens.cut(text, 0, 0, text.length, trusted, pieces(text));
            }
            split(text, rest, text.length, 0);
        }

        private AddedTokens.Listener pieces(byte[] text) {
            return new AddedTokens.Listener() {
                @Override
                public void text(int from, int to) {
                    split(text, from, to, 0);
                }

                @Override
                public void token(int token) {
                    out.add(token);
                }
            };
        }

        private void split(byte[] text, int from, int to, int rule) {
            if (rule == splits.length) {
                if (from < to) {
                    words.encode(text, from, to);
                }
                return;
            }
            SplitRule split = splits[rule];
            for (int at = from; at < to;) {
                int end = split.end(text, at, to);
                if (split.keeps(text, at, end)) {
                    split(text, at, end, rule + 1);
                }
                at = end;
            }
        }
    }

    @Override
    public byte[] bytes(int token) {
        checkToken(token);
        Kind kind = vocabulary.kind(token);
        return kind == Kind.CONTROL || kind == Kind.UNKNOWN
                ? SILENT
                : spelling.spoken(vocabulary.piece(token), kind);
    }

    @Override
    public String piece(int token) {
        checkToken(token);
        return spelling.written(vocabulary.piece(token), vocabulary.kind(token));
    }

    @Override
    public String decode(int[] tokens) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int token : tokens) {
            bytes.writeBytes(bytes(token));
        }
        String text = bytes.toString(StandardCharsets.UTF_8);
        return special.stripsLeadingSpace() && text.startsWith(" ") ? text.substring(1) : text;
    }

    @Override
    public int startToken() {
        return special.startToken();
    }

    @Override
    public boolean addsStart() {
        return special.addsStart() && special.startToken() != NONE;
    }

    @Override
    public int endToken() {
        return special.endToken();
    }

    @Override
    public boolean addsEnd() {
        return special.addsEnd() && special.endToken() != NONE;
    }

    @Override
    public Optional<PairTemplate> pairs() {
        return special.pairs();
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
