package dev.millrace.server.tenants;

import dev.millrace.server.metering.LedgerException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

class KeyRingTest {

    private final KeyText text = KeyText.random(new SecureRandom());
    private long now;
    private int readings;
    private boolean unreadable;
    private List<StoredKey> stored = List.of(key(0));

    private StoredKey key(long revokedMillis) {
        return new StoredKey(new ApiKey(text.id(), "ci", "research", Role.TENANT, 10, 0, Set.of(),
                1, revokedMillis), text.sha256());
    }

    private KeyRing ring() {
        return KeyRing.of(() -> {
            readings++;
            if (unreadable) {
                throw new LedgerException("the disk is gone", null);
            }
            return stored;
        }, () -> now);
    }

    @Test
    void findsTheOwnerOfAKey() {
        Identity owner = ring().find(text.whole()).orElseThrow();

        assertThat(owner.tenant()).isEqualTo("research");
        assertThat(owner.keyId()).isEqualTo(text.id());
        assertThat(owner.cacheSalt("x")).isEqualTo("research\nx");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "sk-mill-", "none", "sk-mill-abcdefgh-",
        "sk-mill-abcdefgh-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})
    void findsNobodyForOtherTexts(String sent) {
        assertThat(ring().find(sent)).isEmpty();
    }

    @Test
    void aKeysVisiblePartAloneProvesNothing() {
        String forged = text.whole().substring(0, text.whole().lastIndexOf('-') + 1)
                + "a".repeat(40);

        assertThat(ring().find(forged)).isEmpty();
    }

    @Test
    void readsAgainAfterASecondAndNotBefore() {
        KeyRing ring = ring();
        stored = List.of(key(5));

        pass(Duration.ofMillis(999));
        assertThat(ring.find(text.whole())).isPresent();
        pass(Duration.ofMillis(1));
        assertThat(ring.find(text.whole())).isEmpty();
        assertThat(readings).isEqualTo(2);
    }

    @Test
    void revokingTheLastKeyOpensNothing() {
        stored = List.of(key(5));

        assertThat(ring().isEmpty()).isFalse();
    }

    @Test
    void aKeyKeepsItsQuotaWhenItIsReadAgain() {
        KeyRing ring = ring();
        ring.find(text.whole()).orElseThrow().quota().takeRequest();

        pass(Duration.ofSeconds(1));

        assertThat(ring.find(text.whole()).orElseThrow().quota().headers())
                .containsEntry("x-ratelimit-remaining-requests", "9");
    }

    @Test
    void countsForHalfAMinuteWhileTheDatabaseCannotBeReadAndThenClosesTheDoor() {
        KeyRing ring = ring();
        unreadable = true;

        pass(Duration.ofSeconds(30));
        assertThat(ring.find(text.whole())).isPresent();
        pass(Duration.ofSeconds(1));
        assertThatExceptionOfType(LedgerException.class)
                .isThrownBy(() -> ring.find(text.whole()));

        unreadable = false;
        pass(Duration.ofSeconds(1));
        assertThat(ring.find(text.whole())).isPresent();
    }

    private void pass(Duration time) {
        now += time.toNanos();
    }
}
