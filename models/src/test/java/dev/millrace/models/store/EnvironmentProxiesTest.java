package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URI;
import java.util.Map;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class EnvironmentProxiesTest {

    @Test
    void goesDirectlyWithoutAProxy() {
        assertThat(select(Map.of(), "https://a.example/")).isEqualTo(Proxy.NO_PROXY);
    }

    @Test
    void takesTheProxyOfTheScheme() {
        Map<String, String> environment = Map.of("https_proxy", "http://secure.example:3128",
                "HTTP_PROXY", "plain.example:80");

        assertThat(select(environment, "https://a.example/").address())
                .isEqualTo(InetSocketAddress.createUnresolved("secure.example", 3128));
        assertThat(select(environment, "http://a.example/").address())
                .isEqualTo(InetSocketAddress.createUnresolved("plain.example", 80));
    }

    @Test
    void exemptsHostsAndTheirSubdomains() {
        Map<String, String> environment = Map.of("ALL_PROXY", "http://proxy.example:1",
                "NO_PROXY", "corp.example, .dev.example");

        assertThat(select(environment, "https://npm.corp.example/")).isEqualTo(Proxy.NO_PROXY);
        assertThat(select(environment, "https://dev.example/")).isEqualTo(Proxy.NO_PROXY);
        assertThat(select(environment, "https://notcorp.example/")).isNotEqualTo(Proxy.NO_PROXY);
        assertThat(select(environment, "http://localhost:1/")).isEqualTo(Proxy.NO_PROXY);
    }

    @Test
    void refusesAProxyThatIsNoAddress() {
        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> select(Map.of("ALL_PROXY", "http://"), "https://a.example/"))
                .withMessageContaining("proxy \"http://\"");
    }

    private static Proxy select(Map<String, String> environment, String uri) {
        return new EnvironmentProxies(environment).select(URI.create(uri)).getFirst();
    }
}
