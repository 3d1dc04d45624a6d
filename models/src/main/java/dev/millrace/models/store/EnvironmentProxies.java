package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Chooses the proxy that {@code HTTPS_PROXY}, {@code HTTP_PROXY}, {@code ALL_PROXY} and
 * {@code NO_PROXY} name, in either case, as other command-line tools do.
 */
final class EnvironmentProxies extends ProxySelector {

    private static final List<Proxy> DIRECT = List.of(Proxy.NO_PROXY);
    private static final int DEFAULT_PORT = 8080;

    private final Map<String, String> environment;
    private final List<String> exempt;

    EnvironmentProxies(Map<String, String> environment) {
        this.environment = Map.copyOf(environment);
        this.exempt = Arrays.stream(variable("NO_PROXY").split("[,\\s]+"))
                .map(host -> host.toLowerCase(Locale.ROOT).replaceFirst("^\\*?\\.", ""))
                .filter(host -> !host.isEmpty())
                .toList();
    }

    @Override
    public List<Proxy> select(URI uri) {
        String proxy = variable(uri.getScheme().equals("https") ? "HTTPS_PROXY" : "HTTP_PROXY");
        if (proxy.isEmpty()) {
            proxy = variable("ALL_PROXY");
        }
        if (proxy.isEmpty() || ModelReference.isLoopback(uri) || isExempt(uri.getHost())) {
            return DIRECT;
        }
        return List.of(new Proxy(Proxy.Type.HTTP, address(proxy)));
    }

    @Override
    public void connectFailed(URI uri, SocketAddress address, IOException e) {
        // The download reports the failure itself, with the address it wanted.
    }

    private boolean isExempt(String host) {
        String lower = host.toLowerCase(Locale.ROOT);
        return exempt.stream().anyMatch(name -> name.equals("*") || lower.equals(name)
                || lower.endsWith("." + name));
    }

    private static InetSocketAddress address(String proxy) {
        try {
            URI uri = URI.create(proxy.contains("://") ? proxy : "http://" + proxy);
            if (uri.getHost() != null) {
                return InetSocketAddress.createUnresolved(uri.getHost(),
                        uri.getPort() < 0 ? DEFAULT_PORT : uri.getPort());
            }
        } catch (IllegalArgumentException e) {
            throw new ModelException("the proxy \"" + proxy + "\" in the environment is not an"
                    + " address: " + e.getMessage(), e);
        }
        throw new ModelException("the proxy \"" + proxy + "\" in the environment names no host;"
                + " write http://host:port");
    }

    private String variable(String name) {
        String lower = environment.get(name.toLowerCase(Locale.ROOT));
        return (lower != null ? lower : environment.getOrDefault(name, "")).strip();
    }
}
