package dev.millrace.server.tenants;

import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class QuotaTest {

    private long now;

    @Test
    void saysHowTheLimitsStandInOpenAisHeaders() {
        Quota quota = new Quota(60, 100_000, () -> now);
        quota.takeRequest();
        quota.reserve(2_500);

        assertThat(quota.headers()).containsExactlyInAnyOrderEntriesOf(Map.of(
                "x-ratelimit-limit-requests", "60",
                "x-ratelimit-remaining-requests", "59",
                "x-ratelimit-reset-requests", "1s",
                "x-ratelimit-limit-tokens", "100000",
                "x-ratelimit-remaining-tokens", "97500",
                "x-ratelimit-reset-tokens", "1.5s"));
    }

    @Test
    void hasNoHeadersWithoutLimits() {
        assertThat(new Quota(0, 0, () -> now).headers()).isEmpty();
        assertThat(new Quota(5, 0, () -> now).headers()).hasSize(3);
    }

    @Test
    void settlesByWhatWasUsedOnce() {
        Quota quota = new Quota(0, 1_000, () -> now);
        Quota.Reservation reservation = quota.reserve(900);

        reservation.settle(100);
        reservation.settle(0);

        assertThat(quota.headers()).containsEntry("x-ratelimit-remaining-tokens", "900");
    }

    @Test
    void refusesWithTheTimeToWait() {
        Quota quota = new Quota(2, 1_000, () -> now);
        quota.takeRequest();
        quota.takeRequest();
        quota.reserve(1_000);

        assertThatExceptionOfType(QuotaException.class).isThrownBy(quota::takeRequest)
                .withMessage("this key's limit of 2 requests per minute is reached: 0 remain and"
                        + " this request wants 1; try again in 30s")
                .returns("requests", QuotaException::resource)
                .returns(Duration.ofSeconds(30), QuotaException::retryAfter);
        assertThatExceptionOfType(QuotaException.class).isThrownBy(() -> quota.reserve(1))
                .withMessageContaining("1000 tokens per minute").withMessageEndingWith("in 60ms");
    }

    @Test
    void whatCouldUseMoreThanAMinutesWorthWaitsForAFullMinuteAndMayGoIntoDebt() {
        Quota quota = new Quota(0, 1_000, () -> now);
        Quota.Reservation reservation = quota.reserve(5_000);

        assertThatExceptionOfType(QuotaException.class).isThrownBy(() -> quota.reserve(1));
        reservation.settle(3_000);

        assertThatExceptionOfType(QuotaException.class).isThrownBy(() -> quota.reserve(1))
                .withMessageEndingWith("in 2m0.06s");
    }
}
