// Requirement 1.1: stores temperature and humidity of a reading
