package dev.millrace.engine.constrain;

import dev.millrace.engine.Vocabulary;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * A vocabulary's tokens by their bytes, so that tokens that begin alike are looked at together.
 * Tokens without bytes (control tokens, padding) are not in it, nor are those that end a text.
 *
 * <p>Nodes are numbered in the order of a walk, each before what is below it; node 0 is the root.
 */
public final class TokenTrie {

    private static final int NO_TOKEN = -1;

    private final int vocabularySize;
    private final int[] endTokens;
    private final byte[][] texts; // (vocabulary): null for tokens that are not in it
    private final int[] sameText; // (vocabulary): another token with the same bytes, or -1
    private int nodes = 1;
    private byte[] labels; // (nodes)
    private int[] depths; // (nodes): of the root 0
    private int[] ends; // (nodes): the node after all that is below
    private int[] tokens; // (nodes): a token that ends here, or -1
    private int deepest;

    public TokenTrie(Vocabulary vocabulary) {
        vocabularySize = vocabulary.size();
        endTokens = IntStream.range(0, vocabularySize).filter(vocabulary::endsGeneration)
                .toArray();
        texts = new byte[vocabularySize][];
        sameText = new int[vocabularySize];
        Arrays.fill(sameText, NO_TOKEN);
        for (int token = 0; token < vocabularySize; token++) {
            byte[] bytes = vocabulary.bytes(token);
            if (bytes.length > 0 && !vocabulary.endsGeneration(token)) {
                texts[token] = bytes;
            }
        }
        int[] sorted = IntStream.range(0, vocabularySize).filter(token -> texts[token] != null)
                .boxed().sorted((a, b) -> Arrays.compareUnsigned(texts[a], texts[b]))
                .mapToInt(Integer::intValue).toArray();
        build(sorted);
    }

    private void build(int[] sorted) {
        int capacity = Math.max(16, 4 * sorted.length);
        labels = new byte[capacity];
        depths = new int[capacity];
        tokens = new int[capacity];
        tokens[0] = NO_TOKEN;
        byte[] before = {};
        for (int token : sorted) {
            byte[] text = texts[token];
            if (nodes > 1 && Arrays.equals(text, before)) {
                sameText[token] = tokens[nodes - 1];
                tokens[nodes - 1] = token;
                continue;
            }
            int shared = Arrays.mismatch(before, text);
            for (int depth = shared + 1; depth <= text.length; depth++) {
                addNode(text[depth - 1], depth);
            }
            tokens[nodes - 1] = token;
            deepest = Math.max(deepest, text.length);
            before = text;
        }
        labels = Arrays.copyOf(labels, nodes);
        depths = Arrays.copyOf(depths, nodes);
        tokens = Arrays.copyOf(tokens, nodes);
        ends = new int[nodes];
        int[] open = new int[deepest + 2]; // by depth: the node whose end is not known yet
        for (int node = 1; node <= nodes; node++) {
            int depth = node < nodes ? depths[node] : 0;
            for (int above = node == 1 ? 0 : depths[node - 1]; above >= depth; above--) {
                if (above > 0 || node == nodes) {
                    ends[open[above]] = node;
                }
            }
            open[depth] = node < nodes ? node : 0;
        }
    }

    private void addNode(byte label, int depth) {
        if (nodes == labels.length) {
            labels = Arrays.copyOf(labels, 2 * nodes);
            depths = Arrays.copyOf(depths, 2 * nodes);
            tokens = Arrays.copyOf(tokens, 2 * nodes);
        }
        labels[nodes] = label;
        depths[nodes] = depth;
        tokens[nodes++] = NO_TOKEN;
    }

    /** Tokens of the vocabulary, those too that are not in the trie. */
    public int vocabularySize() {
        return vocabularySize;
    }

    /** The tokens that end a text. */
    int[] endTokens() {
        return endTokens;
    }

    /** A token's bytes; null where it is not in the trie. */
    byte[] text(int token) {
        return texts[token];
    }

    int nodes() {
        return nodes;
    }

    byte label(int node) {
        return labels[node];
    }

    int depth(int node) {
        return depths[node];
    }

    /** The node after all that is below a node. */
    int end(int node) {
        return ends[node];
    }

    /** A token that ends at a node, or -1. */
    int token(int node) {
        return tokens[node];
    }

    /** Another token with the same bytes, or -1. */
    int sameText(int token) {
        return sameText[token];
    }

    /** Bytes of the longest token. */
    int deepest() {
        return deepest;
    }
}
