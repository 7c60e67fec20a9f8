export const health = () => 200
