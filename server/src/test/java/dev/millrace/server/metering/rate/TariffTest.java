package dev.millrace.server.metering.rate;

import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

import static org.assertj.core.api.Assertions.*;

class TariffTest {

    private static final String TARIFF = """
            usd_per_hour: 1
            watts: 1000
            usd_per_kwh: 0.2
            tariff:
              time_zone: Europe/Berlin
              periods:
                - {from: "22:00", to: "06:00", usd_per_kwh: 0.1}
                - {from: "17:00", to: "20:00", days: [mon, tue, wed, thu, fri], usd_per_kwh: 0.4}
            """;

    @ParameterizedTest
    @CsvSource({
        "2026-11-20T16:00:00Z, 400", // Friday 17:00 in Berlin
        "2026-11-20T15:59:59Z, 200",
        "2026-11-20T18:59:59Z, 400",
        "2026-11-20T19:00:00Z, 200",
        "2026-11-20T21:00:00Z, 100",
        "2026-11-21T04:59:59Z, 100", // Saturday, from Friday's night
        "2026-11-21T05:00:00Z, 200",
        "2026-11-21T16:30:00Z, 200", // no peak on Saturday
        "2026-11-22T23:30:00Z, 100", // Sunday night, over the week's end
        "2026-07-17T15:00:00Z, 400", // 17:00 in summer
    })
    void energyCostsWhatTheHourSays(Instant moment, long thousandths) {
        RateSchedule rates = RateSchedule.configured(yaml(TARIFF));

        assertThat(rates.at(moment).energyNanoUsdPerHour()).isEqualTo(thousandths * 1_000_000);
        assertThat(rates.at(moment).rentNanoUsdPerHour()).isEqualTo(1_000_000_000);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "Europe/Berlin | Berlin/Mitte | time_zone must be a zone",
        "'\"22:00\"' | '\"24:00\"' | periods[0].from must be a time in quotes",
        "'\"06:00\"' | 6 | periods[0].to must be a time",
        "mon | monday | days must be a list of mon",
        "'[mon, tue, wed, thu, fri]' | '[]' | days must name at least one",
        "'usd_per_kwh: 0.4' | 'usd_per_kwh: -1' | periods[1].usd_per_kwh must be a number",
        "', usd_per_kwh: 0.4' | '' | periods[1].usd_per_kwh must be a number",
        "'usd_per_kwh: 0.4' | 'usd_per_kw: 0.4' | usd_per_kw is not known",
        "'from: \"17:00\"' | 'from: \"05:59\"' | overlaps an earlier period on mon at 05:59",
        "periods: | hours: | tariff.hours is not known",
        "'watts: 1000' | '' | means nothing without cost.watts",
    })
    void nonsenseIsRefusedByName(String part, String wrong, String reason) {
        String yaml = TARIFF.replace(part, wrong);
        assertThat(yaml).isNotEqualTo(TARIFF);

        assertThatIllegalArgumentException()
                .isThrownBy(() -> RateSchedule.configured(yaml(yaml)))
                .withMessageContaining(reason);
    }

    @Test
    void aDayHasItsPriceWhereFromIsTo() {
        RateSchedule rates = RateSchedule.configured(yaml("{usd_per_hour: 1, watts: 1000,"
                + " usd_per_kwh: 0.2, tariff: {time_zone: UTC, periods: [{from: '00:00',"
                + " to: '00:00', days: [sun], usd_per_kwh: 0.05}]}}"));

        assertThat(rates.at(Instant.parse("2026-11-22T13:00:00Z")).energyNanoUsdPerHour())
                .isEqualTo(50_000_000);
        assertThat(rates.at(Instant.parse("2026-11-23T00:00:00Z")).energyNanoUsdPerHour())
                .isEqualTo(200_000_000);
    }

    private static JsonNode yaml(String text) {
        return new YAMLMapper().readTree(text);
    }
}
