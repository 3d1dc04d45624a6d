package dev.millrace.engine.cpu;

/**
 * What makes a cross-encoder's score of a state: a dense layer with tanh, and one row. Some hundred
 * thousand products for each pair of texts, beside the millions of every token before.
 *
 * @param dense      (embedding, embedding)
 * @param denseBias  (embedding)
 * @param output     (embedding)
 * @param outputBias what is added in the end
 */
record ScoreHead(float[] dense, float[] denseBias, float[] output, float outputBias) {

    /** The score of the state at an offset, as the model's training has it: any number. */
    float score(float[] states, int offset) {
        int width = output.length;
        double score = outputBias;
        for (int row = 0; row < width; row++) {
            double sum = denseBias[row];
            for (int column = 0; column < width; column++) {
                sum += (double) dense[row * width + column] * states[offset + column];
            }
            score += output[row] * Math.tanh(sum);
        }
        return (float) score;
    }
}
