/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of settings.  It holds facts about PostgreSQL and what a clone does
 * about each; the configuration of a cluster is read in src/worker/settings.c.
 */
#include "config.h"

#include <stddef.h>

#include "base/util.h"
#include "pg/outward.h"

#define SET(name, since, until, value)	{ name, since, until, OUTWARD_SET, false, value }
#define SET_PATH(name, since, until, value) { name, since, until, OUTWARD_SET, true, value }
#define COMPUTED(name, path, why)	{ name, 0, 0, OUTWARD_COMPUTED, path, why }
#define KEPT(name, since, until, why)	{ name, since, until, OUTWARD_KEPT, false, why }
#define INSIDE(name, since, until)	{ name, since, until, OUTWARD_INSIDE, false, "" }

/* The reasons that a user should know are in the manual: doc/pbkfs.8, "THE CLONE". */
const struct outward outward_settings[] = {
	/* ---- production's archive, standbys and publishers ---- */
	SET("archive_mode", 0, 0, "off"),
	SET("archive_command", 0, 0, ""),
	SET("archive_library", 15, 0, ""),
	SET("restore_command", 0, 0, ""),
	SET("archive_cleanup_command", 0, 0, ""),
	SET("recovery_end_command", 0, 0, ""),
	SET_PATH("promote_trigger_file", 0, 15, ""),	/* the server removes it */
	SET("primary_conninfo", 0, 0, ""),
	SET("primary_slot_name", 0, 0, ""),
	SET("sync_replication_slots", 17, 0, "off"),
	SET("synchronized_standby_slots", 17, 0, ""),	/* would be waited for */
	SET("synchronous_standby_names", 0, 0, ""),	/* the same */
	SET("max_logical_replication_workers", 0, 0, "0"),

	/* ---- files that the server writes or removes ---- */
	SET_PATH("external_pid_file", 0, 0, "external.pid"),	/* '' would be a name, too */
	SET_PATH("log_directory", 0, 0, "log"),
	SET_PATH("stats_temp_directory", 0, 14, "pg_stat_tmp"),
	SET("syslog_ident", 0, 0, "pbkfs"),	/* watchers of production's log know theirs */

	/* ---- files that it reads, and need not find on another host ---- */
	COMPUTED("hba_file", true, "worker/rules.c"),
	COMPUTED("ident_file", true, "worker/rules.c"),
	SET("ssl", 0, 0, "off"),		/* it listens on this machine only */
	SET_PATH("ssl_cert_file", 0, 0, "server.crt"),
	SET_PATH("ssl_key_file", 0, 0, "server.key"),
	SET_PATH("ssl_ca_file", 0, 0, ""),
	SET_PATH("ssl_crl_file", 0, 0, ""),
	SET_PATH("ssl_crl_dir", 14, 0, ""),
	SET_PATH("ssl_dh_params_file", 0, 0, ""),
	SET("ssl_passphrase_command", 0, 0, ""),
	SET_PATH("krb_server_keyfile", 0, 0, ""),
	{ "data_directory", 0, 0, OUTWARD_WARNED, true,
	    "not taken from postgresql.auto.conf; worker/rules.c takes it out of the others" },
	KEPT("config_file", 0, 0, "only on the command line of the server"),

	/* ---- where it listens ---- */
	COMPUTED("listen_addresses", false, "worker/listen.c"),
	SET("bonjour", 0, 0, "off"),
	SET("unix_socket_group", 0, 0, ""),	/* need not exist on another host */
	COMPUTED("unix_socket_directories", true, "worker/listen.c"),
	KEPT("port", 0, 0, "of a socket where nobody else has one: worker/listen.c"),
	KEPT("bonjour_name", 0, 0, "bonjour is off"),

	/* ---- what it takes from the machine ---- */
	SET("huge_pages", 0, 0, "off"),		/* production may need them at its next start */
	SET("recovery_init_sync_method", 14, 0, "fsync"),

	/* ---- libraries ---- */
	COMPUTED("shared_preload_libraries", false, "worker/preload.c"),
	COMPUTED("session_preload_libraries", false, "worker/preload.c"),
	COMPUTED("local_preload_libraries", false, "worker/preload.c"),
	KEPT("dynamic_library_path", 0, 0, "is only read, and asked by worker/preload.c"),
	KEPT("extension_control_path", 18, 0, "is only read"),
	KEPT("extension_destdir", 0, 0, "Debian's; is only read"),
	KEPT("jit_provider", 0, 0, "is only read, and not missed"),
	KEPT("output_plugin_libraries", 0, 0, "may be loaded by whoever makes a slot, as in production"),
	KEPT("oauth_validator_libraries", 18, 0, "loaded at a login by OAuth only"),

	/* ---- what known extensions do by themselves: accepted where they are absent ---- */
	SET("cron.launch_active_jobs", 0, 0, "off"),
	SET("timescaledb.max_background_workers", 0, 0, "0"),
	SET("timescaledb.telemetry_level", 0, 0, "off"),
	SET("pg_partman_bgw.dbname", 0, 0, ""),
	SET("squeeze.worker_autostart", 0, 0, ""),
	SET("schedule.enabled", 0, 0, "off"),
	SET("powa.frequency", 0, 0, "-1"),
	SET("pgmemcache.default_servers", 0, 0, ""),
	/* A coordinator then knows no worker, and writes to none. */
	SET("citus.use_secondary_nodes", 0, 0, "always"),
	SET("citus.cluster_name", 0, 0, "pbkfs"),
	SET("citus.recover_2pc_interval", 0, 0, "-1"),
	SET("citus.distributed_deadlock_detection_factor", 0, 0, "-1"),
	SET("citus.defer_shard_delete_interval", 0, 0, "-1"),
	SET("citus.background_task_queue_interval", 0, 0, "-1"),

	/* ---- names of the server for others ---- */
	COMPUTED("cluster_name", false, "made of instance and id: probackup/pgautoconf.c"),
	KEPT("event_source", 0, 0, "of Windows"),
	KEPT("log_destination", 0, 0, "stderr, files in log_directory, or syslog under our name"),
	KEPT("log_filename", 0, 0, "in log_directory"),

	/* ---- the others that hold text ---- */
	KEPT("recovery_target", 0, 0, "of a recovery: probackup/pgautoconf.c"),
	KEPT("recovery_target_lsn", 0, 0, "the same"),
	KEPT("recovery_target_name", 0, 0, "the same"),
	KEPT("recovery_target_time", 0, 0, "the same"),
	KEPT("recovery_target_timeline", 0, 0, "the same"),
	KEPT("recovery_target_xid", 0, 0, "the same"),
	INSIDE("application_name", 0, 0),
	INSIDE("backtrace_functions", 13, 0),
	INSIDE("client_encoding", 0, 0),
	INSIDE("createrole_self_grant", 16, 0),
	INSIDE("datestyle", 0, 0),
	INSIDE("debug_io_direct", 16, 0),
	INSIDE("default_table_access_method", 0, 0),
	INSIDE("default_tablespace", 0, 0),
	INSIDE("default_text_search_config", 0, 0),
	INSIDE("icu_validation_level", 16, 0),
	INSIDE("lc_messages", 0, 0),
	INSIDE("lc_monetary", 0, 0),
	INSIDE("lc_numeric", 0, 0),
	INSIDE("lc_time", 0, 0),
	INSIDE("log_connections", 18, 0),
	INSIDE("log_line_prefix", 0, 0),
	INSIDE("log_timezone", 0, 0),
	INSIDE("restrict_nonsystem_relation_kind", 0, 0),
	INSIDE("role", 0, 0),
	INSIDE("search_path", 0, 0),
	INSIDE("session_authorization", 0, 0),
	INSIDE("ssl_ciphers", 0, 0),
	INSIDE("ssl_ecdh_curve", 0, 17),
	INSIDE("ssl_groups", 18, 0),
	INSIDE("ssl_tls13_ciphers", 18, 0),
	INSIDE("temp_tablespaces", 0, 0),
	INSIDE("timezone", 0, 0),
	INSIDE("timezone_abbreviations", 0, 0),
	INSIDE("wal_consistency_checking", 0, 0),
};
const unsigned outward_n = ARRAY_SIZE(outward_settings);

bool
outward_known(const struct outward *o, unsigned version)
{
	return version >= o->since && (o->until == 0 || version <= o->until);
}
