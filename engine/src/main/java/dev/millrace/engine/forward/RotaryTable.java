package dev.millrace.engine.forward;

import dev.millrace.models.LayerSpec;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.RopeSpec;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Cosines and sines of every position's rotary angles, computed once in double.
 *
 * @param adjacent whether neighbours are pairs; if not, element i pairs with i + pairs
 * @param cosines  (positions, pairs), times the amplitude
 * @param sines    (positions, pairs), times the amplitude
 */
public record RotaryTable(int pairs, boolean adjacent, float[] cosines, float[] sines) {

    /** The table of an embedding for so many positions. */
    public static RotaryTable of(RopeSpec rope, int positions) {
        RotaryFrequencies frequencies = RotaryFrequencies.of(rope, positions);
        int pairs = rope.dimensions() / 2;
        float[] cosines = new float[Math.multiplyExact(positions, pairs)];
        float[] sines = new float[cosines.length];
        for (int pair = 0; pair < pairs; pair++) {
            double radians = frequencies.radians()[pair];
            for (int position = 0; position < positions; position++) {
                cosines[position * pairs + pair] = (float) (frequencies.amplitude()
                        * Math.cos(position * radians));
                sines[position * pairs + pair] = (float) (frequencies.amplitude()
                        * Math.sin(position * radians));
            }
        }
        return new RotaryTable(pairs, rope.layout() == RopeSpec.Layout.ADJACENT, cosines, sines);
    }

    /** A table for every rotary embedding that some layer of the model has. */
    public static Map<RopeSpec, RotaryTable> all(ModelSpec spec, int positions) {
        Map<RopeSpec, RotaryTable> tables = new HashMap<>();
        for (RopeSpec rope : distinct(spec)) {
            tables.put(rope, of(rope, positions));
        }
        return tables;
    }

    /** What all tables of a model take, in bytes. */
    public static long bytes(ModelSpec spec, int positions) {
        return distinct(spec).stream()
                .mapToLong(rope -> (long) positions * (rope.dimensions() / 2) * 2 * Float.BYTES)
                .sum();
    }

    /** Every rotary embedding that some layer of the model has. */
    public static Set<RopeSpec> distinct(ModelSpec spec) {
        return spec.layerSpecs().stream().map(LayerSpec::rope).filter(Objects::nonNull)
                .collect(Collectors.toCollection(HashSet::new));
    }
}
