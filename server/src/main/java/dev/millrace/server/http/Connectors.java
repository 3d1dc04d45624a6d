package dev.millrace.server.http;

import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.List;
import org.eclipse.jetty.alpn.server.ALPNServerConnectionFactory;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.http.UriCompliance;
import org.eclipse.jetty.http2.server.HTTP2ServerConnectionFactory;
import org.eclipse.jetty.io.ManagedSelector;
import org.eclipse.jetty.io.SocketChannelEndPoint;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.SecureRequestCustomizer;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;

/** What a server listens with: HTTP/1.1, or HTTP/2 and HTTP/1.1 over TLS. */
final class Connectors {

    /** For connections that are open between requests when the server stops. */
    private static final Duration IDLE_AT_STOP = Duration.ofMillis(200);

    private final HttpSettings settings;

    Connectors(HttpSettings settings) {
        this.settings = settings;
    }

    /** The one for clients. @throws ServerStartException if its certificate cannot be used */
    ServerConnector main(Server server, HttpConfiguration http) {
        return connector(server, settings.port(), settings.tls()
                .map(files -> secure(server, http, files)).orElseGet(() -> plain(http)));
    }

    /** The one for metrics, which is never secured: it is for the network within. */
    ServerConnector metrics(Server server, HttpConfiguration http) {
        return connector(server, settings.metricsPort().orElseThrow(), plain(http));
    }

    private List<ConnectionFactory> plain(HttpConfiguration http) {
        return List.of(new HttpConnectionFactory(limited(http)));
    }

    private List<ConnectionFactory> secure(Server server, HttpConfiguration http,
            TlsFiles files) {
        TlsIdentity identity = new TlsIdentity(files);
        identity.watch(server.getScheduler());
        HttpConfiguration secured = new HttpConfiguration(limited(http));
        // The certificate may be for a name that this request did not use, such as localhost.
        secured.addCustomizer(new SecureRequestCustomizer(false));
        HTTP2ServerConnectionFactory second = new HTTP2ServerConnectionFactory(secured);
        String first = HttpVersion.HTTP_1_1.asString();
        ALPNServerConnectionFactory choice = new ALPNServerConnectionFactory(
                second.getProtocol(), first);
        choice.setDefaultProtocol(first);
        return List.of(new SslConnectionFactory(identity.contexts(), choice.getProtocol()), choice,
                second, new HttpConnectionFactory(secured));
    }

    private HttpConfiguration limited(HttpConfiguration http) {
        http.setRequestHeaderSize(settings.limits().headerBytes());
        http.setUriCompliance(UriCompliance.DEFAULT);
        http.setSendServerVersion(false);
        http.addCustomizer((request, answer) -> {
            PeekingEndPoint.headEnded(request);
            return request;
        });
        return http;
    }

    private ServerConnector connector(Server server, int port,
            List<ConnectionFactory> protocols) {
        ServerConnector connector = new ServerConnector(server,
                protocols.toArray(ConnectionFactory[]::new)) {
            @Override
            protected SocketChannelEndPoint newEndPoint(SocketChannel channel,
                    ManagedSelector selector, SelectionKey key) {
                SocketChannelEndPoint endPoint = new PeekingEndPoint(channel, selector, key,
                        getScheduler(), settings.limits().bodyTime());
                endPoint.setIdleTimeout(getIdleTimeout());
                return endPoint;
            }
        };
        connector.setHost(settings.host());
        connector.setPort(port);
        connector.setAcceptQueueSize(settings.limits().connections());
        connector.setIdleTimeout(settings.limits().idle().toMillis());
        connector.setShutdownIdleTimeout(IDLE_AT_STOP.toMillis());
        return connector;
    }
}
