package dev.millrace.bench.peer;

import dev.millrace.bench.model.ModelTest;
import dev.millrace.bench.report.Spread;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What both sides reached in one test, pair by pair. */
public final class PairedTest {

    /** Above {@link #line}. */
    public static final String HEADER = String.format(Locale.ROOT, "  %-20s %10s %10s %7s  %s",
            "test",
            "Millrace", "peer", "ratio", "[least .. most]");

    private record Pair(double ours, double peers, double bandwidth) {

        double ratio() {
            return ours / peers;
        }
    }

    private final ModelTest test;
    private final List<Pair> pairs = new ArrayList<>();

    PairedTest(ModelTest test) {
        this.test = test;
    }

    ModelTest test() {
        return test;
    }

    /** Adds a pair, in tokens per second, and what reading memory reached beside it, in GB/s. */
    void add(double ours, double peers, double bandwidth) {
        pairs.add(new Pair(ours, peers, bandwidth));
    }

    Spread ours() {
        return Spread.of(pairs.stream().mapToDouble(Pair::ours).toArray());
    }

    Spread peers() {
        return Spread.of(pairs.stream().mapToDouble(Pair::peers).toArray());
    }

    /** The median of the ratios, which is not the ratio of the medians. */
    Spread ratio() {
        return Spread.of(pairs.stream().mapToDouble(Pair::ratio).toArray());
    }

    /** The last pair as it comes in. */
    String lastPair() {
        Pair pair = pairs.getLast();
        return String.format(Locale.ROOT, "  pair %d: %-20s %10.2f %10.2f %7.2f   memory %.1f GB/s",
                pairs.size(), test.label(), pair.ours, pair.peers, pair.ratio(), pair.bandwidth);
    }

    /** A line below {@link #HEADER}. */
    public String line() {
        Spread ratio = ratio();
        return String.format(Locale.ROOT, "  %-20s %10.2f %10.2f %7.2f  [%.2f .. %.2f]",
                test.label(), ours().median(), peers().median(), ratio.median(), ratio.least(),
                ratio.most());
    }

    /** The fields of the result, without the machine's and the run's. */
    public Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("test", test.label());
        map.put("pairs", pairs.size());
        map.put("tok_per_s", ours());
        map.put("peer_tok_per_s", peers());
        map.put("ratio", ratio());
        map.put("ratios", pairs.stream().map(Pair::ratio).toList());
        map.put("memory_read_gb_per_s",
                Spread.of(pairs.stream().mapToDouble(Pair::bandwidth).toArray()));
        return map;
    }
}
