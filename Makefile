# What there is to do here. `make help` lists it.
.DEFAULT_GOAL := help
.PHONY: help run test localstack deployed clients pages screenshots simulation check-all lint deny schema package deploy bench clean

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: ## The whole backend in one process: HTTP :8080, MQTT :1883, WebSocket :8083/mqtt, TLS :8883
	@cargo run --locked -p ilock -- dev

# One selection of packages and features throughout, so that nothing is compiled twice.
all = --workspace --all-features --locked

test: ## Every test: units, the embedded stack, LocalStack, as deployed, foreign MQTT clients, pages in a browser
	@tests/run

localstack: ## Only the tests on LocalStack; with AWS_ENDPOINT_URL on that, else it is started
	infra/localstack/run cargo test $(all) --test localstack

# How the emulator's stacks differ: SAM makes other resources with gradual deployments, and more where pushes are used.
deployments = "GradualDeployments=true PushGcm=arn:aws:sns:eu-central-1:111122223333:app/GCM/ilock" \
  "GradualDeployments=true" "TopicPrefix=blue"

deployed: ## Only the tests of the template, deployed on an emulator with the real binaries
	cargo build $(all) --bins --tests # with the features of the tests, so that nothing is compiled twice
	for parameters in $(deployments); do \
	  echo "deployed with $$parameters"; \
	  ILOCK_PARAMETERS="$$parameters" ILOCK_FUNCTIONS=$(or $(CARGO_TARGET_DIR),target)/debug infra/ministack/run \
	    cargo test $(all) --test deployed --test account || exit; \
	done

simulation: ## Only what is simulated: ILOCK_SEED=7 runs one seed of the calls, ILOCK_SEEDS=0..9000 and ILOCK_LEDGER_SEEDS=0..900 run many, ILOCK_ROUNDS=6 calls behind calls
	cargo test $(all) --test simulation -- --nocapture whatever_goes_wrong

# A seed has 7.7 calls on average. A process for each 10,000: the AWS SDK keeps a little for each region, and so for each seed.
check-all: ## What takes hours, and no CI: 1,000,000 simulated calls, 10,000 ledgers, the model with a crash, more generators, fuzzing, 20,000 edits, cfn-lint of more deployments
	set -e; for from in $$(seq 0 10000 120000); do \
	  ILOCK_ROUNDS=6 ILOCK_SEEDS=$$from..$$((from + 10000)) cargo test --release $(all) --test simulation -- --nocapture whatever_goes_wrong_calls_hold; \
	done
	ILOCK_LEDGER_SEEDS=10000 cargo test --release $(all) --test simulation -- --nocapture ledger::
	ILOCK_LEDGER_PENDING=1000000 cargo test --release $(all) --test embedded -- --nocapture memory_does_not_grow
	ILOCK_CRASHES=1 cargo test --release $(all) --test simulation -- --nocapture model::
	tests/generated-clients/run --more
	tests/new-apps/run --more
	client/conformance/coverage
	ILOCK_FUZZ_SECONDS=600 cargo test --release $(all) --test fuzz -- --nocapture nothing_that_happens
	ILOCK_FUZZ_SECONDS=600 cargo test --release $(all) --test world -- --nocapture
	ILOCK_EDITS=20000 ILOCK_HONEST_CALLS=100000 cargo test --release $(all) --test edits -- --nocapture
	infra/template/lint --every

clients: ## Only the calls with paho-mqtt (Python) and MQTT.js
	tests/foreign-clients/run

pages: ## Builds the pages of `make run` anew: client/pages/dist
	client/pages/build

screenshots: ## Makes docs/pictures anew, with Chromium
	tests/browser/run screenshots

lint: ## rustfmt, clippy, cargo-deny, the template, the API descriptions, the pages' built files
	cargo fmt --all --check
	cargo clippy $(all) --all-targets -- -D warnings
	cargo clippy $(all) --test localstack --test deployed --test account -- -D warnings
	tools/deny
	infra/template/lint
	events/validate
	client/pages/check

schema: ## Writes events/schema and the generated parts of openapi.yaml and asyncapi.yaml anew
	cargo run --quiet --locked -p ilock-events --example write-schemas

package: ## Builds the functions for Lambda: .ilock/package/*.zip
	tools/package

deploy: ## Deploys: make deploy STAGE=dev PARAMETERS="Name=value …"
	tools/deploy "$(STAGE)" $(PARAMETERS)

bench: ## Measures rings, registrations, answers, requests, DynamoDB units, pushes, memory, reconnects, cold starts and audits
	cargo build --release --locked -p ilock
	cargo run --release --locked -p ilock-bench --bin bench
	bench/reconnect/run
	bench/coldstart/run
	bench/audit/run

clean: ## Removes what was built
	cargo clean
