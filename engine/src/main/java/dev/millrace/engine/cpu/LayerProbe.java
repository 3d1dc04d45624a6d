package dev.millrace.engine.cpu;

/** Looks at the residual stream between layers; for tests, absent otherwise. */
@FunctionalInterface
interface LayerProbe {

    /**
     * Called after each layer of each step.
     *
     * @param hidden (tokens, width), borrowed for the call
     */
    void afterLayer(int layer, float[] hidden, int tokens, int width);
}
