package dev.millrace.kernels;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/** The tables of points that the IQ formats draw several elements at once from. */
enum LatticePoints {
    IQ2_XXS(8, 8, 25, 43),
    IQ2_XS(8, 8, 25, 43),
    IQ2_S(8, 8, 25, 43),
    IQ3_XXS(4, 4, 12, 20, 28, 36, 44, 52, 62),
    IQ3_S(4, 1, 3, 5, 7, 9, 11, 13, 15),
    /** Of IQ1_S and IQ1_M. */
    IQ1(8, -1, 0, 1);

    private static final String RESOURCE = "lattice-points.txt";
    private static final String TEXT = read();

    private final int pointElements;
    private final int[] levels;
    private byte[] elements;

    /** @param levels what an element's bits stand for, from zero on */
    LatticePoints(int pointElements, int... levels) {
        this.pointElements = pointElements;
        this.levels = levels;
    }

    /** Elements of a point. */
    int pointElements() {
        return pointElements;
    }

    /** What an element can be. */
    int[] levels() {
        return levels;
    }

    /** The points of the table one after the other; shared, for reading only. */
    synchronized byte[] elements() {
        if (elements == null) {
            elements = parse();
        }
        return elements;
    }

    private byte[] parse() {
        String digits = digits();
        int bits = Integer.SIZE - Integer.numberOfLeadingZeros(levels.length - 1);
        int pointDigits = pointElements * bits / 4;
        byte[] parsed = new byte[digits.length() / pointDigits * pointElements];
        for (int i = 0; i < parsed.length; i++) {
            int first = i / pointElements * pointDigits;
            int point = Integer.parseInt(digits, first, first + pointDigits, 16);
            parsed[i] = (byte) levels[point >> i % pointElements * bits & (1 << bits) - 1];
        }
        return parsed;
    }

    private String digits() {
        String heading = "[" + name() + "]";
        int begin = TEXT.indexOf(heading) + heading.length();
        int next = TEXT.indexOf('[', begin);
        return TEXT.substring(begin, next < 0 ? TEXT.length() : next).replace("\n", "");
    }

    private static String read() {
        try (InputStream in = LatticePoints.class.getResourceAsStream(RESOURCE)) {
            return new String(in.readAllBytes(), StandardCharsets.US_ASCII);
        } catch (IOException e) {
            throw new KernelException("cannot read " + RESOURCE, e);
        }
    }
}
