package dev.millrace.bench.attribution;

/**
 * Shapley's shares of a game (Shapley 1953): what each player adds, averaged over all orders in
 * which the players could have come. Exact, over all subsets.
 */
final class ShapleyValues {

    /** Most players: 2 to this power subsets. */
    static final int MOST_PLAYERS = 16;

    private ShapleyValues() {}

    /**
     * The shares.
     *
     * @param worth of each subset by its bits; of none it is taken to be 0
     * @return one per player; their sum is the worth of all
     */
    static double[] of(double[] worth) {
        int players = Integer.numberOfTrailingZeros(worth.length);
        if (Integer.bitCount(worth.length) != 1 || players < 1 || players > MOST_PLAYERS) {
            throw new IllegalArgumentException("subsets must be 2 to the power of 1 to "
                    + MOST_PLAYERS + ", got " + worth.length);
        }
        double[] weights = new double[players]; // of orders in which so many came before
        for (int before = 0; before < players; before++) {
            double weight = 1.0 / players;
            for (int i = 1; i <= before; i++) {
                weight *= (double) i / (players - i);
            }
            weights[before] = weight;
        }
        double[] shares = new double[players];
        for (int player = 0; player < players; player++) {
            int bit = 1 << player;
            for (int subset = 0; subset < worth.length; subset++) {
                if ((subset & bit) == 0) {
                    double without = subset == 0 ? 0 : worth[subset];
                    shares[player] += weights[Integer.bitCount(subset)]
                            * (worth[subset | bit] - without);
                }
            }
        }
        return shares;
    }
}
