//! The settings of event source mappings, as far as a restored table's take over those of the stack's.

use aws_sdk_lambda::operation::get_event_source_mapping::GetEventSourceMappingOutput;
use aws_sdk_lambda::types::FilterCriteria;

pub fn failure_queue(mapping: &GetEventSourceMappingOutput) -> Option<&str> {
    mapping.destination_config()?.on_failure()?.destination()
}

/// The settings in which two mappings of one function differ, of those that `tools/restore` and `tools/deploy` take over.
pub fn differences(one: &GetEventSourceMappingOutput, other: &GetEventSourceMappingOutput) -> Vec<&'static str> {
    let failures = (failure_queue(one), failure_queue(other));
    let filters =
        [one, other].map(|mapping| mapping.filter_criteria().map(FilterCriteria::filters).unwrap_or_default());
    let batching = [one, other].map(|mapping| mapping.maximum_batching_window_in_seconds().unwrap_or(0));
    let tumbling = [one, other].map(|mapping| mapping.tumbling_window_in_seconds().unwrap_or(0));
    let is_same = [
        ("BatchSize", one.batch_size() == other.batch_size()),
        ("FilterCriteria", filters[0] == filters[1]),
        ("MaximumBatchingWindowInSeconds", batching[0] == batching[1]),
        ("ParallelizationFactor", one.parallelization_factor() == other.parallelization_factor()),
        ("DestinationConfig", failures.0 == failures.1),
        ("MaximumRecordAgeInSeconds", one.maximum_record_age_in_seconds() == other.maximum_record_age_in_seconds()),
        ("BisectBatchOnFunctionError", one.bisect_batch_on_function_error() == other.bisect_batch_on_function_error()),
        ("MaximumRetryAttempts", one.maximum_retry_attempts() == other.maximum_retry_attempts()),
        ("TumblingWindowInSeconds", tumbling[0] == tumbling[1]),
        ("FunctionResponseTypes", one.function_response_types() == other.function_response_types()),
    ];
    is_same.into_iter().filter(|(_, is_same)| !is_same).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_lambda::types::{DestinationConfig, Filter, FunctionResponseType, OnFailure};

    use super::*;

    #[test]
    fn every_setting_that_a_restore_takes_over_is_compared() {
        let failures = OnFailure::builder().destination("arn:aws:sqs:eu-central-1:123456789012:failures").build();
        let other = GetEventSourceMappingOutput::builder()
            .batch_size(1)
            .filter_criteria(FilterCriteria::builder().filters(Filter::builder().pattern("commit#").build()).build())
            .maximum_batching_window_in_seconds(5)
            .parallelization_factor(2)
            .maximum_record_age_in_seconds(60)
            .bisect_batch_on_function_error(true)
            .maximum_retry_attempts(10)
            .tumbling_window_in_seconds(30)
            .function_response_types(FunctionResponseType::ReportBatchItemFailures)
            .destination_config(DestinationConfig::builder().on_failure(failures).build())
            .build();
        let differing = differences(&GetEventSourceMappingOutput::builder().build(), &other);
        let restore = include_str!("../../../../infra/template/restore.py");
        let (_, taken_over) = restore.split_once("OF_MAPPING = (\n").unwrap();
        let taken_over = taken_over.split_once("\n)\n").unwrap().0;
        let taken_over: Vec<&str> = taken_over.lines().map(|line| line.trim().trim_matches(['"', ','])).collect();
        assert_eq!(differing, taken_over);
        assert_eq!(differences(&other, &other), Vec::<&str>::new());
    }
}
