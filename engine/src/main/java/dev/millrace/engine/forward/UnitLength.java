package dev.millrace.engine.forward;

/** Scales vectors to length one, so that their dot products are cosines. */
public final class UnitLength {

    private UnitLength() {}

    /** Scales in place; a vector of zeros stays as it is. @return the vector */
    public static float[] scale(float[] vector) {
        double squares = 0;
        for (float element : vector) {
            squares += (double) element * element;
        }
        float factor = squares == 0 ? 1 : (float) (1 / Math.sqrt(squares));
        for (int i = 0; i < vector.length; i++) {
            vector[i] *= factor;
        }
        return vector;
    }
}
