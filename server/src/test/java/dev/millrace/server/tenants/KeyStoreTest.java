package dev.millrace.server.tenants;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

class KeyStoreTest {

    @TempDir
    Path folder;

    private KeyStore store;

    @BeforeEach
    void open() {
        store = KeyStore.open(folder.resolve("ledger.db"));
    }

    @AfterEach
    void close() {
        store.close();
    }

    private static ApiKey wanted(String name) {
        return new ApiKey("", name, "research", Role.TENANT, 60, 0, Set.of("a", "b:c"), 0, 0);
    }

    @Test
    void keepsWhatAKeyMayDo() {
        ApiKey made = store.create(wanted("ci")).key();

        assertThat(store.list()).containsExactly(made);
        assertThat(made.team()).isEqualTo("research");
        assertThat(made.requestsPerMinute()).isEqualTo(60);
        assertThat(made.tokensPerMinute()).isZero();
        assertThat(made.models()).containsExactlyInAnyOrder("a", "b:c");
        assertThat(made.revoked()).isFalse();
    }

    @Test
    void keepsNoKey() throws Exception {
        NewKey made = store.create(wanted("ci"));
        String secret = made.secret().substring(made.secret().lastIndexOf('-') + 1);

        assertThat(made.secret()).matches("sk-mill-[A-Za-z0-9]{8}-[A-Za-z0-9]{40}")
                .contains(made.key().id());
        assertThat(made.toString()).doesNotContain(secret);
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1))
                        .as(file.toString()).doesNotContain(secret);
            }
        }
    }

    @Test
    void sharesWhatOneProcessWritesWithTheOthers() {
        try (KeyStore other = KeyStore.open(folder.resolve("ledger.db"))) {
            ApiKey made = other.create(wanted("ci")).key();
            assertThat(store.list()).containsExactly(made);

            store.revoke("ci");
            assertThat(other.list()).allMatch(ApiKey::revoked);
        }
    }

    @Test
    void aNameIsFreeAgainWhenItsKeyIsRevoked() {
        store.create(wanted("ci"));
        assertThatIllegalArgumentException().isThrownBy(() -> store.create(wanted("ci")))
                .withMessageContaining("there is a key called ci");

        store.revoke("ci");
        ApiKey second = store.create(wanted("ci")).key();

        assertThat(store.revoke(second.id())).isEqualTo(second);
        assertThat(store.list()).hasSize(2);
    }

    @Test
    void onlyGoodKeysCanBeRevoked() {
        store.create(wanted("ci"));
        store.revoke("ci");

        assertThatIllegalArgumentException().isThrownBy(() -> store.revoke("ci"))
                .withMessageContaining("there is no good key \"ci\"");
    }
}
