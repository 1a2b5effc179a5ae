/*
 * One property in sync with the cloud, on Zephyr.
 */
#include <zephyr/kernel.h>
#include <zephyr/logging/log.h>
#include <zephyr/net/sntp.h>

#include <iot_thing.h>
#include <iot_thing_zephyr.h>

#if defined(CONFIG_IOT_THING_PORT_TLS_SOCKETS)
#include <zephyr/net/tls_credentials.h>
#endif

LOG_MODULE_REGISTER(publish_period, LOG_LEVEL_INF);

/* PEM texts; the NUL may be there or not for iot_thing, and must be for Zephyr. */
static const uint8_t ca[] = {
#include "ca.inc"
	, 0};
static const uint8_t cert[] = {
#include "cert.inc"
	, 0};
static const uint8_t key[] = {
#include "key.inc"
	, 0};

static uint8_t memory[IOT_THING_ZEPHYR_MEMORY_SIZE] __aligned(IOT_THING_MEMORY_ALIGN);
static uint32_t publish_period = 1000; /* ms; kept in sync with the cloud */

/* The cloud wants another state: apply it, and report what is in force now. */
static int32_t on_request(void *user, const iot_thing_json_t *wanted, iot_thing_json_writer_t *out)
{
	ARG_UNUSED(user);
	if (iot_thing_json_get_u32(wanted, "publish_period", &publish_period) == IOT_THING_OK) {
		LOG_INF("publish_period is %u now", publish_period);
		iot_thing_json_put_u32(out, "publish_period", publish_period);
	}
	return IOT_THING_OK;
}

/* Certificates cannot be checked before the time is known. */
static void wait_for_time(void)
{
	struct sntp_time now;

	while (sntp_simple(CONFIG_SAMPLE_TIME_SERVER, 3000, &now) != 0) {
		LOG_WRN("no answer from %s", CONFIG_SAMPLE_TIME_SERVER);
		k_sleep(K_SECONDS(5));
	}
	iot_thing_zephyr_set_unix_time(now.seconds);
}

static void give_credentials(iot_thing_config_t *config)
{
#if defined(CONFIG_IOT_THING_PORT_TLS_SOCKETS)
	static const sec_tag_t tags[] = {1};

	ARG_UNUSED(config);
	tls_credential_add(tags[0], TLS_CREDENTIAL_CA_CERTIFICATE, ca, sizeof(ca));
	tls_credential_add(tags[0], TLS_CREDENTIAL_PUBLIC_CERTIFICATE, cert, sizeof(cert));
	tls_credential_add(tags[0], TLS_CREDENTIAL_PRIVATE_KEY, key, sizeof(key));
	iot_thing_zephyr_set_tls(tags, ARRAY_SIZE(tags));
#else
	config->ca_certs = (iot_thing_bytes_t){ca, sizeof(ca)};
	config->client_cert = (iot_thing_bytes_t){cert, sizeof(cert)};
	config->private_key = (iot_thing_bytes_t){key, sizeof(key)};
#endif
}

int main(void)
{
	iot_thing_config_t config = IOT_THING_ZEPHYR_CONFIG_INIT;
	iot_thing_t *thing;

	wait_for_time();
	config.endpoint = CONFIG_SAMPLE_ENDPOINT;
	config.tcp_port = CONFIG_SAMPLE_PORT;
	config.mqtt_id = CONFIG_SAMPLE_THING;
	give_credentials(&config);
	int32_t error = iot_thing_init(&thing, memory, sizeof(memory), &config);

	if (error == IOT_THING_OK) {
		iot_thing_on_shadow_request(thing, on_request, NULL);
		iot_thing_connect(thing);
		error = iot_thing_update_shadow(thing, "{\"publish_period\":1000}", NULL, NULL);
	}
	while (error == IOT_THING_OK) {
		error = iot_thing_wait(thing, iot_thing_poll(thing));
	}
	LOG_ERR("%s: %s", iot_thing_err_name(error), iot_thing_err_text(error));
	return 0;
}
