package dev.millrace.server.http;

import dev.millrace.server.openai.wire.ClientConnection;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.jetty.ee10.servlet.ServletContextRequest;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.ManagedSelector;
import org.eclipse.jetty.io.SocketChannelEndPoint;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.thread.Scheduler;

/**
 * A connection that can tell whether its client is gone while a request is being answered.
 *
 * <p>Over HTTP/1.1 nobody reads from the socket then, so the end of the stream goes unseen until
 * something is written. This end point reads some bytes ahead: a TLS client says goodbye with a few
 * before it closes. Bytes that come are the next request's first and are kept for whoever reads
 * next. A client that only closes its sending side counts as gone, as it does in most servers.
 *
 * <p>A request's headers must come within a time: one that drips them, a byte whenever the
 * connection would be closed as idle, could hold it for days.
 */
final class PeekingEndPoint extends SocketChannelEndPoint implements ClientConnection {

    private static final int AHEAD_BYTES = 256;

    private final ByteBuffer ahead = ByteBuffer.allocate(AHEAD_BYTES).limit(0);
    private final Duration headTime;
    private boolean ended;
    private boolean answering;
    private Scheduler.Task headLimit; // null while no request begins

    /** @param headTime from a request's first byte to the end of its headers */
    PeekingEndPoint(SocketChannel channel, ManagedSelector selector, SelectionKey key,
            Scheduler scheduler, Duration headTime) {
        super(channel, selector, key, scheduler);
        this.headTime = headTime;
    }

    /** Notes that a request's headers are there. */
    static void headEnded(Request request) {
        EndPoint endPoint = request.getConnectionMetaData().getConnection().getEndPoint();
        EndPoint socket = endPoint instanceof EndPoint.Wrapper tls ? tls.unwrap() : endPoint;
        if (socket instanceof PeekingEndPoint peeking) {
            peeking.answering(true);
            // Streams of HTTP/2 begin and end beside each other, and Jetty limits their headers.
            if (request.getConnectionMetaData().getHttpVersion() != HttpVersion.HTTP_2) {
                Request.addCompletionListener(request, failure -> peeking.answering(false));
            }
        }
    }

    private synchronized void answering(boolean now) {
        answering = now;
        stopHeadLimit();
    }

    private synchronized void stopHeadLimit() {
        if (headLimit != null) {
            headLimit.cancel();
            headLimit = null;
        }
    }

    private int began(int count) {
        if (count > 0 && !answering && headLimit == null) {
            headLimit = getScheduler().schedule(this::close, headTime.toMillis(),
                    TimeUnit.MILLISECONDS);
        }
        return count;
    }

    @Override
    public void onClose(Throwable cause) {
        stopHeadLimit();
        super.onClose(cause);
    }

    /** The connection that a request came on; over HTTP/2, its stream of that. */
    static ClientConnection of(HttpServletRequest request) {
        ServletContextRequest inner = ServletContextRequest.getServletContextRequest(request);
        EndPoint endPoint = inner.getConnectionMetaData().getConnection().getEndPoint();
        if (inner.getConnectionMetaData().getHttpVersion() == HttpVersion.HTTP_2) {
            AtomicBoolean reset = new AtomicBoolean();
            inner.addFailureListener(failure -> reset.set(true));
            return () -> reset.get() || !endPoint.isOpen();
        }
        EndPoint socket = endPoint instanceof EndPoint.Wrapper tls ? tls.unwrap() : endPoint;
        return socket instanceof PeekingEndPoint peeking ? peeking : () -> !endPoint.isOpen();
    }

    @Override
    public synchronized boolean closedByClient() {
        if (ended || !isOpen()) {
            return true;
        }
        ahead.compact();
        try {
            ended = ahead.hasRemaining() && getChannel().read(ahead) < 0;
        } catch (IOException e) {
            // A reset connection is as gone as a closed one.
            ended = true;
        }
        ahead.flip();
        return ended;
    }

    /** The buffer is in flush mode before and after, as Jetty's contract has it. */
    @Override
    public synchronized int fill(ByteBuffer buffer) throws IOException {
        if (ahead.hasRemaining()) {
            int end = buffer.limit();
            int count = Math.min(ahead.remaining(), buffer.capacity() - end);
            buffer.limit(end + count).put(end, ahead, ahead.position(), count);
            ahead.position(ahead.position() + count);
            return began(count);
        }
        if (ended) {
            shutdownInput();
            return -1;
        }
        return began(super.fill(buffer));
    }

    /** The selector does not know of bytes that were read ahead. */
    @Override
    protected void needsFillInterest() {
        boolean readable;
        synchronized (this) {
            readable = ended || ahead.hasRemaining();
        }
        if (readable) {
            getFillInterest().fillable();
        } else {
            super.needsFillInterest();
        }
    }
}
