-- Tables of the postgres store. The store installs them at its first start; where its user may not create a schema, the
-- owner of the database runs this file once: psql -1 -f schema.sql

CREATE SCHEMA settle;

-- One row. A program refuses a newer major number; a newer minor one has only added what it may ignore.
CREATE TABLE settle.format (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  major   integer NOT NULL,
  minor   integer NOT NULL,
  cluster integer              -- of the first daemon that started; others are refused
);
INSERT INTO settle.format (major, minor) VALUES (1, 0);

-- Who owns a slice of the gid space, and until when by this server's clock. The epoch outlives the lease: it only grows.
-- It changes under an exclusive advisory lock that every writing of records holds shared (leases.cpp).
CREATE TABLE settle.shard (
  shard      integer PRIMARY KEY,
  epoch      bigint NOT NULL,
  owner      text NOT NULL,    -- empty: free
  held_until timestamptz NOT NULL
) WITH (fillfactor = 50);

-- The daemons that are there, and where they are reached.
CREATE TABLE settle.node (
  name       text COLLATE "C" PRIMARY KEY,   -- the owner of its shards
  address    text NOT NULL,
  here_until timestamptz NOT NULL
) WITH (fillfactor = 50);

-- One row per transaction, open or ended. Plan and state are opaque here; instants are microseconds since 1970.
-- Room is left in each page, so that a change which touches no index stays in its page.
CREATE TABLE settle.record (
  tid          bytea PRIMARY KEY,                 -- begins with the time of the begin, so the newest are the last
  gid          text COLLATE "C" NOT NULL,
  shard        integer NOT NULL,
  version      bigint NOT NULL,
  pattern      smallint NOT NULL,
  phase        smallint NOT NULL,
  decision     smallint NOT NULL,
  outcome      smallint NOT NULL,
  has_incident boolean NOT NULL,
  is_ended     boolean NOT NULL,
  created_at   bigint NOT NULL,
  updated_at   bigint NOT NULL,
  plan         bytea NOT NULL,
  state        bytea NOT NULL,
  CONSTRAINT record_gid UNIQUE (gid)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

CREATE INDEX record_open ON settle.record (shard) WHERE NOT is_ended;
CREATE INDEX record_incident ON settle.record (tid) WHERE has_incident;

-- Small named values; the names are bytes.
CREATE TABLE settle.value (
  space bytea NOT NULL,
  key   bytea NOT NULL,
  value bytea NOT NULL,
  PRIMARY KEY (space, key)
);
