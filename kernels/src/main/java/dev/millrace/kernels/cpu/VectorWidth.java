package dev.millrace.kernels.cpu;

import dev.millrace.kernels.KernelException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;

/**
 * Register widths, and kernels made for one of them.
 *
 * <p>The compiler turns calls of the Vector API into instructions only where the species is a
 * constant of the class. So kernels are written once, in classes that take their species from
 * {@link #shapeOf}, and each width gets a hidden class of its own from the same bytes.
 *
 * <p>Widths still share the profiles inside of the Vector API: a process that runs several is right
 * but may be slow, because the compiler can no longer tell whose vectors it sees.
 */
final class VectorWidth {

    /** What was made: kernels have no state, and all who use them share what was compiled. */
    private static final Map<Specialisation, Object> MADE = new ConcurrentHashMap<>();

    private record Specialisation(Class<?> template, int bits) {}

    private VectorWidth() {}

    /** The width that this machine prefers, in bits; at most 512. */
    static int preferredBits() {
        return Math.min(FloatVector.SPECIES_PREFERRED.vectorBitSize(), 512);
    }

    /** Refuses a width that these kernels or this machine do not have. */
    static void check(int bits) {
        if (bits != 128 && bits != 256 && bits != 512) {
            throw new IllegalArgumentException(
                    "vectors are 128, 256 or 512 bits wide, got " + bits);
        }
        if (bits > preferredBits()) {
            throw new KernelException("this machine's vectors are " + preferredBits()
                    + " bits wide at most, asked for " + bits + ": use a narrower width or none");
        }
    }

    /** The instance of a kernel class whose species have {@code bits} bits, if there is one. */
    static <T> T specialise(Class<? extends T> template, Class<T> contract, int bits) {
        check(bits);
        return contract.cast(MADE.computeIfAbsent(new Specialisation(template, bits),
                made -> make(template, bits)));
    }

    private static Object make(Class<?> template, int bits) {
        String resource = template.getSimpleName() + ".class";
        try (InputStream in = template.getResourceAsStream(resource)) {
            MethodHandles.Lookup lookup = MethodHandles.lookup()
                    .defineHiddenClassWithClassData(in.readAllBytes(), bits, true);
            return lookup.findConstructor(lookup.lookupClass(),
                    MethodType.methodType(void.class)).invoke();
        } catch (IOException e) {
            throw new KernelException("cannot read " + resource, e);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(template + " cannot be made for " + bits + " bits", e);
        }
    }

    /** The shape that {@link #specialise} was asked for, as the hidden class itself sees it. */
    static VectorShape shapeOf(MethodHandles.Lookup hidden) {
        try {
            int bits = MethodHandles.classData(hidden, "_", Integer.class);
            return VectorShape.forBitSize(bits);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(hidden.lookupClass() + " was not specialised", e);
        }
    }
}
