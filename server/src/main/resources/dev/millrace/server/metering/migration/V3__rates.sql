-- Two more parts of the rate, and the carbon of the energy that it assumes.
ALTER TABLE rate_epoch ADD COLUMN licence_nano_usd_per_hour INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rate_epoch ADD COLUMN staff_nano_usd_per_hour INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rate_epoch ADD COLUMN milligrams_co2_per_hour INTEGER NOT NULL DEFAULT 0;

-- 1 where the rate changed while the request ran: its cost is then its time at more than one rate.
ALTER TABLE request ADD COLUMN rate_changed INTEGER NOT NULL DEFAULT 0;
