package dev.millrace.server.wiring;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.concurrent.CountDownLatch;

/**
 * Waits for SIGTERM, SIGINT or SIGHUP: the first one lets the caller go on to shut down, a second
 * one ends the process at once. The JVM's own shutdown hooks cannot do that, for it ignores signals
 * while they run; the class that can is not part of the API that javac accepts without a warning,
 * which is why it is called by name.
 */
public final class TerminationSignals {

    private static final String[] SIGNALS = {"TERM", "INT", "HUP"};
    private static final int KILLED_BY_SIGNAL = 128;

    private final CountDownLatch first = new CountDownLatch(1);

    /** Begins to listen. @throws IllegalStateException on a JVM that cannot */
    public TerminationSignals() {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            Object listener = Proxy.newProxyInstance(handler.getClassLoader(),
                    new Class<?>[]{handler}, (proxy, method, arguments) -> {
                        if (method.getName().equals("handle")) {
                            received((int) signal.getMethod("getNumber").invoke(arguments[0]));
                        }
                        return null;
                    });
            for (String name : SIGNALS) {
                signal.getMethod("handle", signal, handler).invoke(null,
                        signal.getConstructor(String.class).newInstance(name), listener);
            }
        } catch (InvocationTargetException e) {
            throw new IllegalStateException("cannot handle signals; is the JVM run with -Xrs?",
                    e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("this JVM has no sun.misc.Signal", e);
        }
    }

    private void received(int number) {
        if (first.getCount() == 0) {
            Runtime.getRuntime().halt(KILLED_BY_SIGNAL + number);
        }
        first.countDown();
    }

    /** Returns after the first signal. */
    public void await() throws InterruptedException {
        first.await();
    }
}
