package dev.millrace.server.openai.model;

import dev.millrace.engine.BreakerTokens;
import dev.millrace.engine.forward.SequenceBreakers;
import dev.millrace.models.text.Tokenizer;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Sequence breakers as spelled by one model's tokens, the latest used of them: to spell them takes
 * a walk through the vocabulary. One walk at a time.
 */
public final class BreakerCache {

    private static final int LISTS = 16;

    private final Tokenizer tokenizer;
    private final ReentrantLock spelling = new ReentrantLock();
    private final Map<List<String>, SequenceBreakers> known = new LinkedHashMap<>(16, 0.75f, true);

    public BreakerCache(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    public SequenceBreakers get(List<String> breakers) {
        spelling.lock();
        try {
            SequenceBreakers spelled = known.get(breakers);
            if (spelled == null) {
                spelled = BreakerTokens.of(breakers, tokenizer);
                known.put(List.copyOf(breakers), spelled);
                if (known.size() > LISTS) {
                    Iterator<SequenceBreakers> oldest = known.values().iterator();
                    oldest.next();
                    oldest.remove();
                }
            }
            return spelled;
        } finally {
            spelling.unlock();
        }
    }
}
