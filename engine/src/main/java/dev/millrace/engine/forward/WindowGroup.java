package dev.millrace.engine.forward;

import dev.millrace.models.ModelSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * Layers that look back equally far, so that their keys and values are kept equally long and one
 * block table addresses them.
 *
 * @param windowTokens positions that a token looks back, itself included; 0 for all
 * @param layers       indices in the model, ascending
 */
public record WindowGroup(int windowTokens, List<Integer> layers) {

    public WindowGroup {
        layers = List.copyOf(layers);
    }

    /** The groups of a model; a window that no sequence grows beyond is none. */
    public static List<WindowGroup> of(ModelSpec spec, int contextTokens) {
        TreeMap<Integer, List<Integer>> byWindow = new TreeMap<>();
        for (int layer = 0; layer < spec.layers(); layer++) {
            byWindow.computeIfAbsent(window(spec, layer, contextTokens), key -> new ArrayList<>())
                    .add(layer);
        }
        return byWindow.entrySet().stream()
                .map(group -> new WindowGroup(group.getKey(), group.getValue())).toList();
    }

    private static int window(ModelSpec spec, int layer, int contextTokens) {
        int window = spec.layer(layer).windowTokens();
        return window < contextTokens ? window : 0;
    }
}
