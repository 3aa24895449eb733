-- Every live process reads sealed documents: from now on they are written, and those in clear are sealed.
CREATE OR REPLACE FUNCTION takes_sealed() RETURNS boolean LANGUAGE sql STABLE RETURN true;
