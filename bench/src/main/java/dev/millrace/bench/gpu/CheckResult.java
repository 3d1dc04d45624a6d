package dev.millrace.bench.gpu;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * How a device's figures compare with the oracle's.
 *
 * @param positions   whose logits were compared
 * @param unequal     positions where the device found another token likeliest
 * @param ties        of further such positions, where the oracle's own logits were as close as the
 *                    bound
 * @param logitError  largest difference of a logit, relative to its position's largest
 * @param layerErrors of the state after each layer, length by length; empty where not asked for
 */
record CheckResult(String name, int positions, int unequal, int ties, double logitError,
        List<Double> layerErrors, double bound) {

    boolean passed() {
        return unequal == 0 && logitError <= bound
                && layerErrors.stream().allMatch(error -> error <= bound);
    }

    String line() {
        String tied = ties == 0 ? "" : String.format(Locale.ROOT, " (%d ties)", ties);
        String layers = layerErrors.isEmpty()
                ? ""
                : "; by layer " + layerErrors.stream()
                        .map(error -> String.format(Locale.ROOT, "%.1e", error))
                        .collect(Collectors.joining(" "));
        return String.format(Locale.ROOT, "  %-20s %s: %d of %d greedy tokens equal%s, logits"
                + " within %.1e of the largest (bound %.0e)%s", name, passed() ? "right" : "WRONG",
                positions - unequal, positions, tied, logitError, bound, layers);
    }

    Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("check", name);
        map.put("passed", passed());
        map.put("positions", positions);
        map.put("unequal", unequal);
        map.put("ties", ties);
        map.put("logit_error", logitError);
        map.put("layer_errors", layerErrors);
        map.put("bound", bound);
        return map;
    }
}
