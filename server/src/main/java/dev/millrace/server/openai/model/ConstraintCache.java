package dev.millrace.server.openai.model;

import dev.millrace.engine.Vocabulary;
import dev.millrace.engine.constrain.Grammar;
import dev.millrace.engine.constrain.TokenConstraint;
import dev.millrace.engine.constrain.TokenTrie;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * Constraints compiled for one model, the latest used of them. Compiling happens on the thread of
 * the request that asks first, one at a time, so that many cannot take all memory at once.
 */
public final class ConstraintCache {

    private static final int CONSTRAINTS = 128;
    private static final long BYTES = 256L << 20;

    private final Vocabulary vocabulary;
    private final ReentrantLock compiling = new ReentrantLock();
    private final Map<String, TokenConstraint> known = new LinkedHashMap<>(16, 0.75f, true);
    private TokenTrie trie; // made when it is first needed

    ConstraintCache(Vocabulary vocabulary) {
        this.vocabulary = vocabulary;
    }

    /**
     * The constraint that a text describes.
     *
     * @param kind    of text, so that equal texts of different kinds differ
     * @param grammar read only where the constraint is not known yet
     * @throws dev.millrace.engine.constrain.GrammarException if it cannot be enforced
     */
    public TokenConstraint get(String kind, String text, Supplier<Grammar> grammar) {
        String key = kind + ":" + digest(text);
        compiling.lock();
        try {
            TokenConstraint constraint = known.get(key);
            if (constraint == null) {
                if (trie == null) {
                    trie = new TokenTrie(vocabulary);
                }
                constraint = TokenConstraint.compile(grammar.get(), trie);
                known.put(key, constraint);
                forgetOldest();
            }
            return constraint;
        } finally {
            compiling.unlock();
        }
    }

    private void forgetOldest() {
        long bytes = known.values().stream().mapToLong(TokenConstraint::bytes).sum();
        Iterator<TokenConstraint> oldest = known.values().iterator();
        while (known.size() > 1 && (known.size() > CONSTRAINTS || bytes > BYTES)) {
            bytes -= oldest.next().bytes();
            oldest.remove();
        }
    }

    private static String digest(String text) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256")
                    .digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
