package dev.millrace.server.http;

import dev.millrace.server.openai.ClientConnection;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import org.eclipse.jetty.ee10.servlet.ServletContextRequest;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.ManagedSelector;
import org.eclipse.jetty.io.SocketChannelEndPoint;
import org.eclipse.jetty.util.thread.Scheduler;

/**
 * A connection that can tell whether its client is gone while a request is being answered.
 *
 * <p>Over HTTP/1.1 nobody reads from the socket then, so the end of the stream goes unseen until
 * something is written. This end point reads one byte ahead; a byte that does come is the next
 * request's first and is kept for whoever reads next. A client that only closes its sending side
 * counts as gone, as it does in most servers.
 */
final class PeekingEndPoint extends SocketChannelEndPoint implements ClientConnection {

    private final ByteBuffer ahead = ByteBuffer.allocate(1).limit(0);
    private boolean ended;

    PeekingEndPoint(SocketChannel channel, ManagedSelector selector, SelectionKey key,
            Scheduler scheduler) {
        super(channel, selector, key, scheduler);
    }

    /** The connection that a request came on. */
    static ClientConnection of(HttpServletRequest request) {
        EndPoint endPoint = ServletContextRequest.getServletContextRequest(request)
                .getConnectionMetaData().getConnection().getEndPoint();
        return endPoint instanceof PeekingEndPoint peeking ? peeking : () -> !endPoint.isOpen();
    }

    @Override
    public synchronized boolean closedByClient() {
        if (ended || !isOpen()) {
            return true;
        }
        if (ahead.hasRemaining()) {
            return false;
        }
        ahead.clear();
        try {
            ended = getChannel().read(ahead) < 0;
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
        if (ended) {
            shutdownInput();
            return -1;
        }
        if (!ahead.hasRemaining() || buffer.limit() == buffer.capacity()) {
            return super.fill(buffer);
        }
        int end = buffer.limit();
        buffer.limit(end + 1).put(end, ahead.get());
        return 1;
    }

    /** The selector does not know of a byte that was read ahead. */
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
