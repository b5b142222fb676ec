# What there is to do here. `make help` lists it.
.DEFAULT_GOAL := help
.PHONY: help run test clients lint deny schema bench clean

help: ## This list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: ## The whole backend in one process: HTTP :8080, MQTT :1883, WebSocket :8083/mqtt, TLS :8883
	@cargo run --locked -p ilock -- dev

test: ## Everything that is tested: units, the embedded stack, foreign MQTT clients
	cargo test --workspace --all-features --locked
	tests/clients/run

clients: ## Only the calls with paho-mqtt (Python) and MQTT.js
	tests/clients/run

lint: ## rustfmt, clippy, cargo-deny, the API descriptions
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
	tools/deny
	events/validate

schema: ## Writes events/schema and the generated parts of openapi.yaml and asyncapi.yaml anew
	cargo run --quiet --locked -p ilock-events --example write-schemas

bench: ## Measures rings, registrations, answers, DynamoDB units and memory, and prints them side by side
	cargo build --release --locked -p ilock
	cargo run --release --locked -p ilock-tests --bin bench

clean: ## Removes what was built
	cargo clean
