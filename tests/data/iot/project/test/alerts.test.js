// Requirement 3.1: alerts above the threshold of temperature
