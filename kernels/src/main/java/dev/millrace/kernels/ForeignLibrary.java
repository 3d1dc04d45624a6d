package dev.millrace.kernels;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;

/**
 * A C library that was found at run time, whose functions are looked up by name at each call: for
 * what is called a few times.
 *
 * @param name for messages
 */
public record ForeignLibrary(String name, SymbolLookup symbols) {

    /**
     * Calls a function that takes pointers ({@link MemorySegment}), ints and longs.
     *
     * @return its error code, 0 for none
     * @throws IllegalStateException if there is no such function
     */
    @SuppressWarnings("restricted")
    public int call(String function, Object... arguments) {
        MemoryLayout[] layouts = new MemoryLayout[arguments.length];
        for (int i = 0; i < layouts.length; i++) {
            layouts[i] = switch (arguments[i]) {
                case MemorySegment _ -> ValueLayout.ADDRESS;
                case Long _ -> ValueLayout.JAVA_LONG;
                default -> ValueLayout.JAVA_INT;
            };
        }
        try {
            return (int) Linker.nativeLinker().downcallHandle(symbols.findOrThrow(function),
                    FunctionDescriptor.of(ValueLayout.JAVA_INT, layouts))
                    .invokeWithArguments(arguments);
        } catch (Throwable e) {
            throw new IllegalStateException(name + "'s " + function + " cannot be called", e);
        }
    }
}
