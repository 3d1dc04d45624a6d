package dev.millrace.server.metering.rate;

import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

import static org.assertj.core.api.Assertions.*;

class CostConfigTest {

    private static final Instant NOON = Instant.parse("2026-11-21T12:00:00Z");
    private static final String OWNED = """
            purchase_usd: 40000
            residual_usd: 4000
            lifetime_years: 5
            idle_watts: 300
            load_watts: 900
            usd_per_kwh: 0.12
            pue: 1.3
            hosting_usd_per_month: 146
            """;

    @Test
    void anOwnedMachineCostsItsDepreciationEnergyAndHosting() {
        CostModel rate = RateSchedule.configured(yaml(OWNED)).at(NOON);

        // 36,000 / 43,800 h = 0.821917808; 600 W x 1.3 x 0.12 = 0.0936; 146 / 730 = 0.2
        assertThat(rate.depreciationNanoUsdPerHour()).isEqualTo(821_917_808);
        assertThat(rate.energyNanoUsdPerHour()).isEqualTo(93_600_000);
        assertThat(rate.hostingNanoUsdPerHour()).isEqualTo(200_000_000);
        assertThat(rate.rentNanoUsdPerHour()).isZero();
        assertThat(rate.nanoUsdPerHour()).isEqualTo(1_115_517_808);
        assertThat(rate.assumed()).isFalse();
    }

    @Test
    void aRentedMachineCostsItsRent() {
        CostModel rate = RateSchedule.configured(yaml("usd_per_hour: 1.6")).at(NOON);

        assertThat(rate.nanoUsdPerHour()).isEqualTo(1_600_000_000);
        assertThat(rate.rentNanoUsdPerHour()).isEqualTo(1_600_000_000);
    }

    @Test
    void oneWattageIsTheAverage() {
        CostModel rate = RateSchedule.configured(yaml(
                "{usd_per_hour: 1, watts: 500, usd_per_kwh: 0.2}")).at(NOON);

        assertThat(rate.energyNanoUsdPerHour()).isEqualTo(100_000_000);
    }

    @Test
    void theShareOfLoadMovesTheAverageBetweenIdleAndLoad() {
        CostModel rate = RateSchedule.configured(yaml("{usd_per_hour: 1, idle_watts: 100,"
                + " load_watts: 300, load_share: 0.25, usd_per_kwh: 0.2}")).at(NOON);

        assertThat(rate.energyNanoUsdPerHour()).isEqualTo(30_000_000);
    }

    @Test
    void nothingConfiguredMeansTheDefaultProfileAndSaysSo() {
        CostModel rate = RateSchedule.configured(null).at(NOON);

        assertThat(rate.assumed()).isTrue();
        // 2,700 / 43,800 h and 130 W x 0.15, as docs/cost.md works it out
        assertThat(rate.nanoUsdPerHour()).isEqualTo(61_643_836 + 19_500_000);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{usd_per_hour: .nan}                                | cost.usd_per_hour",
        "{usd_per_hour: .inf}                                | cost.usd_per_hour",
        "{usd_per_hour: -1}                                  | cost.usd_per_hour",
        "{usd_per_hour: 0}                                   | cost.usd_per_hour",
        "{usd_per_hour: 1e9}                                 | from 0.000001 to 10000",
        "{usd_per_hour: '1.60'}                              | must be a number",
        "{usd_per_hour: 1, purchase_usd: 5, lifetime_years: 1} | contradict",
        "{usd_per_hour: 1, lifetime_years: 4}                | cost.lifetime_years",
        "{usd_per_hour: 1, currency: EUR}                    | cost.currency must be USD",
        "{usd_per_hour: 1, usd_per_kwh: 0.1}                 | cost.usd_per_kwh means nothing",
        "{usd_per_hour: 1, watts: 100}                       | cost.usd_per_kwh is missing",
        "{usd_per_hour: 1, watts: 9, load_watts: 9, idle_watts: 1, usd_per_kwh: 1} | contradict",
        "{usd_per_hour: 1, idle_watts: 9, load_watts: 3, usd_per_kwh: 1} | cost.idle_watts",
        "{usd_per_hour: 1, idle_watts: 9, usd_per_kwh: 1}    | cost.load_watts is missing",
        "{usd_per_hour: 1, watts: 9, usd_per_kwh: 1, pue: 0.9} | cost.pue",
        "{usd_per_hour: 1, hosting_usd_per_month: -3}        | cost.hosting_usd_per_month",
        "{purchase_usd: 100}                                 | cost.lifetime_years is missing",
        "{purchase_usd: 100, lifetime_years: 0}              | cost.lifetime_years",
        "{purchase_usd: 100, lifetime_years: 4, residual_usd: 101} | from 0 to 100, got 101",
        "{purchase_usd: 0, lifetime_years: 4}                | costs nothing",
        "{pue: 1.2}                                          | needs usd_per_hour",
        "{usd_per_hr: 1}                           | cost.usd_per_hr is not known; did you mean",
        "[1, 2]                                              | must be a section",
        "{usd_per_hour: 1, lease_usd_per_month: 30}          | contradict each other; give one",
        "{usd_per_hour: 1, licence_usd_per_month: -1}        | cost.licence_usd_per_month",
        "{usd_per_hour: 1, staff_usd_per_month: .nan}        | cost.staff_usd_per_month",
        "{usd_per_hour: 1, grams_co2_per_kwh: 400}           | means nothing without cost.watts",
        "{profile: h101-rented}          | is not known; did you mean \"h100-rented\"",
        "{profile: workstation}                              | cost.usd_per_kwh is missing",
    })
    void nonsenseIsRefusedByName(String section, String message) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RateSchedule.configured(yaml(section)))
                .withMessageContaining(message);
    }

    @Test
    void chargesAreExactForAnyTime() {
        CostModel rate = RateSchedule.configured(yaml("usd_per_hour: 0.05")).at(NOON);

        // 1 ms at 50,000,000 nano-dollars an hour: 13 nano-dollars and 8/9
        assertThat(rate.charge(1_000_000)).isEqualTo(new Charge(13, 3_200_000_000_000L));
        Charge nine = Charge.ZERO;
        for (int i = 0; i < 9; i++) {
            nine = nine.plus(rate.charge(1_000_000));
        }
        assertThat(nine).isEqualTo(new Charge(125, 0)).isEqualTo(rate.charge(9_000_000));
        long tenYears = 10L * 8_760 * Charge.FRACTIONS;
        assertThat(rate.charge(tenYears)).isEqualTo(new Charge(10L * 8_760 * 50_000_000, 0));
    }

    @Test
    void leasesLicencesAndStaffCountByTheMonthAndEnergyHasItsCarbon() {
        CostModel rate = RateSchedule.configured(yaml("{lease_usd_per_month: 1460,"
                + " licence_usd_per_month: 73, staff_usd_per_month: 365, watts: 500, pue: 1.2,"
                + " usd_per_kwh: 0.1, grams_co2_per_kwh: 400}")).at(NOON);

        assertThat(rate.rentNanoUsdPerHour()).isEqualTo(2_000_000_000L);
        assertThat(rate.licenceNanoUsdPerHour()).isEqualTo(100_000_000L);
        assertThat(rate.staffNanoUsdPerHour()).isEqualTo(500_000_000L);
        assertThat(rate.milligramsCo2PerHour()).as("600 W x 400 g/kWh").isEqualTo(240_000);
        assertThat(rate.nanoUsdPerHour()).isEqualTo(2_660_000_000L);
    }

    @Test
    void everyProfileIsACostAndItsFiguresGiveWayToOnesOwn() {
        for (HardwareProfile profile : HardwareProfile.all()) {
            String section = "{profile: " + profile.name() + ", load_share: 0.5,"
                    + " usd_per_kwh: 0.1}";
            if (!profile.cost().has("load_watts")) {
                section = "{profile: " + profile.name() + ", watts: 100, usd_per_kwh: 0.1}";
            }
            CostModel rate = RateSchedule.configured(yaml(section)).at(NOON);
            assertThat(rate.nanoUsdPerHour()).as(profile.name()).isBetween(10_000_000L,
                    20_000_000_000L);
            assertThat(rate.assumed()).isFalse();
            assertThat(profile.source()).isNotBlank();
        }
        assertThat(RateSchedule.configured(yaml("{profile: h100-rented}")).at(NOON)
                .nanoUsdPerHour()).isEqualTo(3_990_000_000L);
        assertThat(RateSchedule.configured(yaml("{profile: h100-rented, usd_per_hour: 2}"))
                .at(NOON).nanoUsdPerHour()).isEqualTo(2_000_000_000L);
        assertThat(RateSchedule.configured(yaml("{profile: h100-owned, lease_usd_per_month: 730,"
                + " usd_per_kwh: 0.1}")).at(NOON).nanoUsdPerHour()).isEqualTo(1_173_000_000L);
    }

    private static JsonNode yaml(String text) {
        return new YAMLMapper().readTree(text);
    }
}
