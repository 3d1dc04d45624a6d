package dev.millrace.bench.attribution;

import java.util.Map;

/**
 * How far shares are from the exact ones.
 *
 * @param shares    as they were given
 * @param misplaced the part of the whole that went to the wrong sequences, 0 to 1
 * @param mean      of the shares' relative errors
 * @param most      the greatest of them
 */
record ShareError(double[] shares, double misplaced, double mean, double most) {

    static ShareError of(double[] exact, double[] shares) {
        double whole = 0;
        double wrong = 0;
        double relative = 0;
        double most = 0;
        for (int i = 0; i < exact.length; i++) {
            double off = Math.abs(shares[i] - exact[i]);
            whole += exact[i];
            wrong += off / 2; // what one has too much another has too little
            relative += off / exact[i];
            most = Math.max(most, off / exact[i]);
        }
        return new ShareError(shares, wrong / whole, relative / exact.length, most);
    }

    Map<String, Object> json() {
        return Map.of("shares_nanos", shares, "misplaced", misplaced, "mean_relative_error", mean,
                "greatest_relative_error", most);
    }
}
